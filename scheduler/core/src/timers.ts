/**
 * The leader's work on timers of actors: it takes the news of what turns did to them, and says to the
 * nodes what is due. When each falls due stands durably in `timer-table.ts`.
 *
 * I3  nothing is due before its time: by the time that was led, which never goes on faster than time
 *     does, or, where a time of day was asked for, by the wall clock of this leader.
 * I4  a firing is said until its turn is known to be durable; then the timer is gone, or waits again.
 */
import {
  type ActorId,
  cronNext,
  dueAgain,
  type Incarnation,
  type NewsOfActor,
  type NewsSeen,
  type TimerNews,
  type TimerNewsTold,
  type TimerWhen,
  type ToNode,
} from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import type { Desk } from './desk.ts';
import { tellTime, waitingToldMs } from './led-time.ts';
import { isPresent } from './nodes.ts';
import type { Size } from './sizes.ts';
import { TimerLanes } from './timer-lanes.ts';
import {
  goesByWall,
  type TimerDecision,
  type TimerRecord,
  type TimersOfActor,
  timerOf,
} from './timer-table.ts';

/** Timers taken as due by one event; the rest follow with the next. */
const dueMax = 5_000;
/** The next look is no sooner: other events have their turn, and times that are added are inexact. */
const leastMs = 1;

/** A timer as the news of one message leave it. */
type Known = Pick<TimerRecord, 'when' | 'firing' | 'due'>;

export class Timers {
  readonly #desk: Desk;
  readonly #lanes: TimerLanes;
  readonly #noNodes: () => void;
  #next: Deadline | undefined;

  /** `noNodes`: a firing is due, and no node is there to take its actor. */
  constructor(desk: Desk, noNodes: () => void) {
    this.#desk = desk;
    this.#noNodes = noNodes;
    this.#lanes = new TimerLanes(desk);
  }

  takeOver(): void {
    this.#arm();
  }

  told({ incarnation, actors }: TimerNewsTold): void {
    const seen = actors.map((of) => this.#news(of));
    const { term } = this.#desk;
    const message: ToNode = { kind: 'timer-news-seen', term, actors: seen };
    this.#desk.toNode(incarnation, message);
    this.#lanes.fill(incarnation);
    this.#arm();
  }

  /** The time of the first one has come, perhaps. */
  due(): void {
    this.#desk.deadlines.cancel(this.#next);
    this.#next = undefined;
    const { timers } = this.#desk.state;
    for (let taken = 0; taken < dueMax; taken++) {
      const timer = timers.takeDue(this.#desk.ledMs, this.#desk.wall);
      if (timer === undefined) break;
      this.#deliver(timer);
    }
    this.#lanes.fillAll();
    this.#arm();
  }

  /** Each second: a successor must know for how long was led, and wall clocks are set. */
  look(): void {
    const { firstLed, firstByWall } = this.#desk.state.timers;
    if (firstLed !== undefined) tellTime(this.#desk, waitingToldMs);
    if (firstByWall !== undefined && firstByWall.due <= this.#desk.wall) this.due();
  }

  resend(node: Incarnation): void {
    this.#lanes.resend(node);
  }

  /** What is due of this actor is said to its new node. */
  placed(actor: ActorId, node: Incarnation): void {
    const of = this.#desk.state.timers.of(actor);
    if (of === undefined) return;
    for (const timer of of.timers) if (isTaken(timer)) this.#deliver(timer);
    this.#lanes.fill(node);
  }

  /** Its actor is about to be no more: nothing of it is said any more. */
  destroyed(actor: ActorId): void {
    for (const timer of this.#desk.state.timers.of(actor)?.timers ?? []) this.#lanes.confirm(timer);
  }

  nodeLost(node: Incarnation): void {
    this.#lanes.drop(node);
  }

  /** Z1: all that is due has fired. */
  sizes(): readonly Size[] {
    const { nodes, timers } = this.#desk.state;
    return [
      { of: 'firings to deliver', size: this.#lanes.size, most: timers.count },
      { of: 'lanes of firings', size: this.#lanes.count, most: nodes.presentCount },
    ];
  }

  #deliver(timer: TimerRecord): void {
    const actor = this.#desk.state.actors.get(timer.of.actor);
    if (actor?.birth !== timer.of.birth) return;
    const { nodes } = this.#desk.state;
    if (nodes.presentCount === 0 && actor.life?.kind !== 'paused') this.#noNodes();
    const node = nodes.get(actor.node);
    // While it is between two nodes nobody is told: its placement brings it up again.
    if (node !== undefined && isPresent(node)) this.#lanes.add(actor.node, timer);
  }

  /** Answers what is known then. */
  #news({ actor, birth, channel, from, news }: NewsOfActor): NewsSeen {
    const last = from + news.length - 1;
    // Nobody has timers any more: whoever tells of them need not tell again.
    if (this.#desk.state.actors.get(actor)?.birth !== birth) {
      return { actor, birth, channel, upTo: last };
    }
    const known = this.#desk.state.timers.of(actor);
    const of = known?.birth === birth ? known : undefined;
    const at = { channel: of?.channel ?? 0, upTo: of?.upTo ?? 0 };
    const anew = channel > at.channel;
    // The first of a new channel says that it is one; what comes before it waits for it.
    if (channel < at.channel || (anew && from !== 1)) return { actor, birth, ...at };
    const upTo = anew ? 0 : at.upTo;
    if (from > upTo + 1 || last <= upTo) return { actor, birth, ...at };
    if (anew || of === undefined)
      for (const timer of known?.timers ?? []) this.#lanes.confirm(timer);
    const fresh = news.slice(upTo + 1 - from);
    const decisions = this.#decide(anew ? undefined : of, fresh);
    const { ledMs } = this.#desk;
    const fact = { kind: 'timers-told', actor, birth, channel, upTo: last, decisions } as const;
    const isAnew = anew || of === undefined;
    this.#desk.decide(isAnew ? { ...fact, anew: true, ledMs } : { ...fact, ledMs });
    return { actor, birth, channel, upTo: last };
  }

  #decide(of: TimersOfActor | undefined, news: readonly TimerNews[]): TimerDecision[] {
    const decisions: TimerDecision[] = [];
    /** What the news before have made of timers. */
    const changed = new Map<number, Known | undefined>();
    for (const one of news) {
      if (one.kind === 'anew') continue;
      const { number } = one;
      const known = changed.has(number) ? changed.get(number) : timerOf(of, number);
      const decision = this.#decideOne(one, known);
      if (decision === undefined) continue;
      decisions.push(decision);
      const timer = timerOf(of, number);
      if (timer !== undefined) this.#lanes.confirm(timer);
      if (decision.kind === 'gone') changed.set(number, undefined);
      else if (decision.kind === 'set') changed.set(number, { firing: 1, ...decision });
      else if (known !== undefined) changed.set(number, { ...known, ...decision });
    }
    return decisions;
  }

  #decideOne(
    news: Exclude<TimerNews, { kind: 'anew' }>,
    known: Known | undefined,
  ): TimerDecision | undefined {
    const { number } = news;
    switch (news.kind) {
      case 'set': {
        const { name, when, firing, restMs } = news;
        const due = this.#firstDue(when, restMs);
        if (due === undefined) return undefined;
        const set = { kind: 'set', number, when, due } as const;
        const named = name === undefined ? set : { ...set, name };
        return firing === undefined ? named : { ...named, firing };
      }
      case 'cancelled':
        return known === undefined ? undefined : { kind: 'gone', number };
      case 'fired': {
        if (known === undefined || known.firing !== news.firing) return undefined;
        const now = goesByWall(known.when) ? this.#desk.wall : this.#desk.ledMs;
        const due = dueAgain(known.when, known.due, now);
        if (due === undefined) return { kind: 'gone', number };
        return { kind: 'again', number, firing: news.firing + 1, due };
      }
    }
  }

  /** Undefined for a schedule that never comes. */
  #firstDue(when: TimerWhen, restMs: number | undefined): number | undefined {
    switch (when.kind) {
      case 'after':
        return this.#desk.ledMs + (restMs ?? when.ms);
      case 'every':
        return this.#desk.ledMs + (restMs ?? when.firstMs);
      case 'at':
        return when.wall;
      case 'cron':
        return cronNext(when, this.#desk.wall);
    }
  }

  /** One deadline for all timers: when the first of them is due. */
  #arm(): void {
    const { firstLed, firstByWall } = this.#desk.state.timers;
    const rests = [];
    if (firstLed !== undefined) rests.push(firstLed.due - this.#desk.ledMs);
    if (firstByWall !== undefined) rests.push(firstByWall.due - this.#desk.wall);
    if (rests.length === 0) return;
    const at = this.#desk.now + Math.max(leastMs, Math.min(...rests));
    if (this.#next !== undefined && this.#next.slot >= 0 && this.#next.at <= at) return;
    this.#desk.deadlines.cancel(this.#next);
    this.#next = this.#desk.deadlines.set(at, { kind: 'timers' });
  }
}

/** A leader has taken it as due, and it has not fired. */
function isTaken({ slot }: TimerRecord): boolean {
  return slot < 0;
}
