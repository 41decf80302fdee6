/**
 * Timers of the actors here: the leader is told what turns did to them, and says which are due.
 *
 * W4  a timer that is due becomes an input once; the leader says it again until its turn is durable.
 */
import {
  type DueTimer,
  limits,
  type NewsOfActor,
  type PendingTimer,
  type TimerNewsSeen,
  type TimersDue,
  type ToRunner,
} from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import type { Core } from './core.ts';
import type { TurnCause } from './facts.ts';
import { enqueue } from './mailbox-order.ts';
import { type Manner, mannerOf } from './outbox.ts';

type TurnFrame = Extract<ToRunner, { kind: 'turn' }>;

/** News in one message to the leader, unless those of one actor are more; and actors. */
const newsToldMax = 256;
const actorsToldMax = 64;

export class Timers {
  readonly #core: Core;
  /** Activations with news that the leader has not acknowledged. */
  readonly #tellers = new Set<Activation>();
  /** Last news told of those that have more than are told at once. */
  readonly #windows = new Map<Activation, number>();

  constructor(core: Core) {
    this.#core = core;
  }

  onDue({ timers }: TimersDue): void {
    for (const due of timers) {
      const activation = this.#core.actors.get(due.actor);
      // It is on its way here, or elsewhere: the leader says it again, to whoever has it then.
      if (activation === undefined || activation.birth !== due.birth) continue;
      if (activation.phase === 'live') this.#take(activation, due);
      else if (activation.phase !== 'releasing' && activation.phase !== 'released') {
        activation.dueTimers.set(due.number, due.firing);
        this.#core.hosting.wake(activation);
      }
    }
  }

  onSeen({ actors, term }: TimerNewsSeen): void {
    for (const seen of actors) {
      const activation = this.#core.actors.get(seen.actor);
      const book = activation?.memory?.timers;
      if (activation === undefined || book === undefined || activation.birth !== seen.birth) {
        continue;
      }
      const isKnown = book.seen(seen, term.generation, this.#core.now);
      const window = this.#windows.get(activation);
      if (!isKnown || (window !== undefined && book.newsFrom > window)) this.#tell([activation]);
      if (book.newsCount === 0) this.#forget(activation);
      this.#core.mailboxes.pump(activation);
    }
  }

  /** What fell due while it was not live, and all that the leader may not know. */
  onLive(activation: Activation): void {
    const { dueTimers, id: actor, birth } = activation;
    for (const [number, firing] of dueTimers) {
      this.#take(activation, { actor, birth, number, firing });
    }
    dueTimers.clear();
    if ((activation.memory?.timers.newsCount ?? 0) === 0) return;
    this.#tellers.add(activation);
    this.#tell([activation]);
  }

  /** News of a turn that has just been appended: those from this number on. */
  tellNew(activation: Activation, from: number): void {
    const book = activation.memory?.timers;
    if (book === undefined || book.newsCount === 0) return;
    this.#tellers.add(activation);
    const news = book.news(from, this.#core.now);
    if (news.length > 0) this.#send([newsOf(activation, book.channel, from, news)]);
  }

  /** Number that the next news gets. */
  nextNews({ memory }: Activation): number {
    return memory === undefined ? 1 : memory.timers.newsFrom + memory.timers.newsCount;
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const activation of this.#tellers) {
      const { memory, phase } = activation;
      const isOver = phase === 'released' || memory === undefined || memory.timers.newsCount === 0;
      if (isOver) this.#forget(activation);
    }
    this.#tell([...this.#tellers]);
  }

  /** A turn of this cause was begun before a failover, and is an input again. */
  queued(activation: Activation, cause: TurnCause): void {
    if (cause.kind === 'timer') activation.queuedTimers.set(cause.number, cause.firing);
  }

  /** Whether the firing has not taken effect, nor its timer been cancelled. */
  isPending({ memory }: Activation, cause: TurnCause): boolean {
    return cause.kind !== 'timer' || memory?.timers.get(cause.number)?.firing === cause.firing;
  }

  /** The firing has taken effect, or never will. */
  settled(activation: Activation, cause: TurnCause): void {
    if (cause.kind === 'timer') activation.queuedTimers.delete(cause.number);
  }

  #take(activation: Activation, { number, firing }: DueTimer): void {
    const timer = activation.memory?.timers.get(number);
    // It has fired, or was cancelled: the leader hears of it by the news.
    if (timer === undefined || timer.firing !== firing) return;
    if (activation.queuedTimers.get(number) === firing) return;
    if (activation.mailbox.length >= limits.mailboxCallsMax) return;
    activation.queuedTimers.set(number, firing);
    enqueue(this.#core, activation, inputOf(timer));
    this.#core.mailboxes.pump(activation);
  }

  #tell(activations: readonly Activation[]): void {
    const told: NewsOfActor[] = [];
    for (const activation of activations) {
      const book = activation.memory?.timers;
      if (book === undefined || book.newsCount === 0) continue;
      const news = book.news(book.newsFrom, this.#core.now);
      if (news.length < book.newsCount) {
        this.#windows.set(activation, book.newsFrom + news.length - 1);
      } else this.#windows.delete(activation);
      told.push(newsOf(activation, book.channel, book.newsFrom, news));
    }
    for (const some of inMessages(told)) this.#send(some);
  }

  #forget(activation: Activation): void {
    this.#tellers.delete(activation);
    this.#windows.delete(activation);
  }

  #send(actors: readonly NewsOfActor[]): void {
    const { incarnation } = this.#core.config;
    const message = { kind: 'timer-news', incarnation, actors } as const;
    this.#core.out.send({ kind: 'to-leader', message });
  }
}

/** What its runner has to know of a firing. */
export function firingOf({ memory }: Activation, cause: TurnCause): TurnFrame['timer'] {
  if (cause.kind !== 'timer') return undefined;
  const { number, firing } = cause;
  const to = memory?.timers.get(number)?.to;
  return to === undefined ? { number, firing } : { number, firing, to };
}

/** Of the letter that a delayed send is. */
export function mannerOfTimer({ memory }: Activation, cause: TurnCause): Manner {
  return cause.kind === 'timer' ? mannerOf(memory?.timers.get(cause.number) ?? {}) : {};
}

function* inMessages(told: readonly NewsOfActor[]): Iterable<readonly NewsOfActor[]> {
  let some: NewsOfActor[] = [];
  let count = 0;
  for (const of of told) {
    const isFull = some.length === actorsToldMax || count + of.news.length > newsToldMax;
    if (isFull && some.length > 0) {
      yield some;
      some = [];
      count = 0;
    }
    some.push(of);
    count += of.news.length;
  }
  if (some.length > 0) yield some;
}

function inputOf({ number, firing, method, args }: PendingTimer): Input {
  return {
    cause: { kind: 'timer', number, firing },
    method,
    read: false,
    args,
    path: [],
    clock: undefined,
    replyTo: undefined,
    crashes: 0,
    cancelled: false,
  };
}

function newsOf(
  { id: actor, birth }: Activation,
  channel: number,
  from: number,
  news: NewsOfActor['news'],
): NewsOfActor {
  return { actor, birth, channel, from, news };
}
