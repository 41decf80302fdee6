/**
 * The leader's work on going back in time. The actors of a scope are held where they are, a line is
 * found through them, then what is in transit across it; one fact makes the new incarnation, and every actor is
 * told until it is back.
 *
 *   hold ─▶ line ─▶ passages ─▶ letters owed ─▶ [scope-rewound] ─▶ take back ─▶ all are back
 *     └───────┴─────────┴────────────┴─▶ [rewind-refused]
 *
 * J6  nothing is decided before every actor has said that it can be had at the line, with all letters
 *     that are in transit from it.
 * J7  whoever asked is answered when all actors are back, or when it is sure that none goes.
 * J8  a line is found while all actors of its scope are held: it is above all others that can be had.
 */
import {
  type ActorId,
  type Failure,
  failure,
  isFailure,
  type Line,
  limits,
  type Owed,
  type Passage,
  type PassageFound,
  type SavepointRequest,
} from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import { askNodes } from './ask-nodes.ts';
import type { Desk } from './desk.ts';
import type { Directory } from './directory.ts';
import { boundOf, missed } from './line-targets.ts';
import type { LineViews } from './line-views.ts';
import type { RewindDone, ScopeTime } from './rewind-table.ts';
import { scopeKey } from './savepoint-table.ts';
import type { Size } from './sizes.ts';
import { idsLength, isLine, type Surveys, wentBack } from './surveys.ts';
import { type Asker, Waiting } from './waiting.ts';

type Wish = Extract<SavepointRequest, { kind: 'rewind' }>;

/** What is asked of the actors of a line. */
interface Passing {
  readonly time: ScopeTime;
  readonly line: Line;
  readonly until: number;
  readonly open: Set<ActorId>;
  readonly passages: Map<ActorId, Passage>;
  /** In the second round, whether these can be had. */
  owed: ReadonlyMap<ActorId, Owed> | undefined;
}

/** Scopes that go back at the same time. */
const rewindsMax = 64;
const passageMsMax = 30_000;
/** Of ids in the fact that a scope went back. */
const factIdsMax = 400_000;

export class Rewinds {
  readonly #desk: Desk;
  readonly #directory: Directory;
  readonly #surveys: Surveys;
  readonly #lineViews: LineViews;
  /** By scope. */
  readonly #askers = new Waiting<string, Asker>();
  readonly #passings = new Map<number, Passing>();
  /** Scopes of which some are not back yet, by the number under which that is looked at again. */
  readonly #returns = new Map<number, ScopeTime>();

  constructor(
    desk: Desk,
    directory: Directory,
    given: { readonly surveys: Surveys; readonly lineViews: LineViews },
  ) {
    this.#desk = desk;
    this.#directory = directory;
    this.#surveys = given.surveys;
    this.#lineViews = given.lineViews;
  }

  takeOver(): void {
    for (const time of this.#desk.state.rewinds.all()) {
      if (time.begun !== undefined) this.#look(time);
      else if (this.#desk.state.rewinds.isReturning(time)) this.#bringBack(time);
    }
  }

  serve(asker: Asker, { tenant, scope, to, by }: Wish): void {
    const { rewinds, actors } = this.#desk.state;
    const key = scopeKey(tenant, scope);
    if (this.#isKnown(asker, { tenant, scope, by })) return;
    const fault = this.#fault({ tenant, scope, to });
    if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
    if (actors.inScope(tenant, scope).some(({ life }) => life?.kind === 'ending')) {
      const what = `an actor of scope "${scope}" is being destroyed`;
      return this.#desk.refuse(asker, 'UNAVAILABLE', what, { scope });
    }
    this.#desk.decide({ kind: 'rewind-begun', tenant, scope, to, by });
    this.#askers.add(key, asker);
    const time = rewinds.get(tenant, scope);
    if (time !== undefined) this.#look(time);
  }

  /** What came of one, if there was one: nothing begins by it. */
  find(asker: Asker, wish: Omit<Wish, 'kind' | 'to'>): void {
    if (!this.#isKnown(asker, wish)) this.#desk.answer(asker, { kind: 'done' });
  }

  found({ ask, actor, epoch, passage }: PassageFound): void {
    const passing = this.#passings.get(ask);
    if (passing === undefined || this.#desk.state.actors.get(actor)?.epoch !== epoch) return;
    if (isFailure(passage)) {
      this.#passings.delete(ask);
      return this.#refuse(passing.time, passage);
    }
    if (!passing.open.delete(actor)) return;
    if (passing.owed === undefined) passing.passages.set(actor, passage);
    if (passing.open.size > 0) return;
    this.#passings.delete(ask);
    this.#pass(passing);
  }

  /** Somebody has not answered for a while. */
  due(ask: number): void {
    const time = this.#returns.get(ask);
    if (time !== undefined) {
      this.#returns.delete(ask);
      if (this.#desk.state.rewinds.isReturning(time)) this.#bringBack(time);
    }
    const passing = this.#passings.get(ask);
    if (passing === undefined) return;
    if (this.#desk.now < passing.until) return this.#send(ask, passing);
    this.#passings.delete(ask);
    const { scope } = passing.time;
    const what = `${passing.open.size} actors of scope "${scope}" did not say how they were`;
    this.#refuse(passing.time, failure('UNAVAILABLE', what, { scope }));
  }

  /** What an actor was stands in the store. */
  back(id: ActorId): void {
    const { actors, rewinds } = this.#desk.state;
    const actor = actors.get(id);
    const time = actor === undefined ? undefined : rewinds.of(actor);
    if (time === undefined || rewinds.isReturning(time)) return;
    const { tenant, scope, last, incarnation } = time;
    for (const asker of this.#askers.take(scopeKey(tenant, scope))) {
      if (last !== undefined) this.#answer(asker, scope, { ...last, incarnation });
    }
  }

  /** Z1 */
  sizes(): readonly Size[] {
    return [
      { of: 'scopes whose going back is waited for', size: this.#askers.size, most: 0 },
      { of: 'passages that are asked for', size: this.#passings.size, most: 0 },
    ];
  }

  /** It was asked before under this `by`: the asker is told what came of it, or waits for that. */
  #isKnown(asker: Asker, { tenant, scope, by }: Omit<Wish, 'kind' | 'to'>): boolean {
    const { rewinds } = this.#desk.state;
    const time = rewinds.get(tenant, scope);
    if (time === undefined) return false;
    const done = rewinds.doneBy(time, by);
    const isLast = done?.incarnation === time.incarnation;
    const isWaited =
      done === undefined ? time.begun?.by === by : isLast && rewinds.isReturning(time);
    if (isWaited) this.#askers.add(scopeKey(tenant, scope), asker);
    else if (done !== undefined) this.#answer(asker, scope, done);
    return isWaited || done !== undefined;
  }

  #fault({ tenant, scope, to }: Omit<Wish, 'kind' | 'by'>): Failure | undefined {
    const { rewinds, actors } = this.#desk.state;
    if (actors.inScope(tenant, scope).length === 0) {
      return failure('UNKNOWN_SCOPE', `no actor is in scope "${scope}"`, { scope });
    }
    const bound = boundOf(this.#desk.state, { tenant, scope, to });
    if (typeof bound !== 'function') return bound;
    if (rewinds.isUnderWay(tenant, scope)) return wentBack(scope);
    const underWay = [...rewinds.all()].filter((time) => {
      return rewinds.isUnderWay(time.tenant, time.scope);
    });
    if (underWay.length < rewindsMax) return undefined;
    const what = `${rewindsMax} scopes go back in time`;
    return failure('RESOURCE_EXHAUSTED', what, { retryAfterMs: limits.resendMs });
  }

  #look(time: ScopeTime): void {
    const { tenant, scope, begun } = time;
    if (begun === undefined) return;
    const { to } = begun;
    const most = boundOf(this.#desk.state, { tenant, scope, to });
    if (typeof most !== 'function') return this.#refuse(time, most);
    const done = (line: Line | Failure): void => {
      if (!isLine(line)) return this.#refuse(time, line);
      const fault = missed(to, line);
      if (fault !== undefined) this.#refuse(time, fault);
      else this.#ask({ time, line, owed: undefined, open: Object.keys(line) as ActorId[] });
    };
    this.#surveys.begin({ tenant, scope }, done, { most, hold: begun.at });
  }

  #ask({ open, ...asked }: Pick<Passing, 'time' | 'line' | 'owed'> & { open: ActorId[] }): void {
    const ask = this.#surveys.nextAsk();
    const passing: Passing = {
      ...asked,
      until: this.#desk.now + passageMsMax,
      open: new Set(open),
      passages: new Map(),
    };
    this.#passings.set(ask, passing);
    this.#send(ask, passing);
  }

  #send(ask: number, { open, line, owed }: Passing): void {
    const { term, now, config, deadlines } = this.#desk;
    askNodes(this.#desk, open, (actors) => {
      const asked = actors.map((one) => {
        const letters = owed?.get(one.actor);
        return letters === undefined ? one : { ...one, owed: letters };
      });
      return { kind: 'ask-passage', term, ask, line, actors: asked };
    });
    deadlines.set(now + config.resendMs, { kind: 'survey', ask });
  }

  /** All have answered. */
  #pass({ time, line, passages, owed }: Passing): void {
    if (owed !== undefined) return this.#goBack(time, line, owed);
    const { actors } = this.#desk.state;
    const whole: Record<string, number> = { ...line };
    for (const { sent } of passages.values()) {
      // It is not there yet, or no more: whoever a letter makes is of this scope.
      for (const [to] of sent) if (actors.get(to) === undefined) whole[to] = 0;
    }
    const found = owedBy(passages, whole, (id) => actors.get(id)?.birth ?? 0);
    if (found.size === 0) return this.#goBack(time, whole, found);
    this.#ask({ time, line: whole, owed: found, open: [...found.keys()] });
  }

  #goBack(time: ScopeTime, found: Line, owed: ReadonlyMap<ActorId, Owed>): void {
    const { tenant, scope } = time;
    const actors = this.#desk.state.actors.inScope(tenant, scope);
    const line: Record<string, number> = { ...found };
    // Whoever was created since has taken no turn.
    for (const { id, from = 0 } of actors) line[id] = Math.max(line[id] ?? 0, from);
    const receivers = [...owed.values()].flatMap((all) => all.map(([to]) => to));
    const length = idsLength([...Object.keys(line), ...owed.keys(), ...receivers]);
    if (length > factIdsMax) {
      const what = `${receivers.length} pairs of actors of scope "${scope}" have letters in transit`;
      return this.#refuse(time, failure('WRONG_STATE', `${what}, and their ids are too long`));
    }
    const at = this.#desk.wall;
    const fact = { tenant, scope, line, owed: Object.fromEntries(owed), at };
    this.#desk.decide({ kind: 'scope-rewound', ...fact });
    this.#surveys.rewound(tenant, scope);
    this.#lineViews.rewound(scope);
    for (const actor of actors) this.#directory.movedInTime(actor);
    this.#bringBack(time);
  }

  #bringBack(time: ScopeTime): void {
    const { tenant, scope, last, incarnation } = time;
    if (last === undefined) return;
    const { term, now, config, deadlines, state } = this.#desk;
    const left = state.actors.inScope(tenant, scope).filter(({ back }) => back === true);
    const ids = left.map(({ id }) => id);
    askNodes(this.#desk, ids, (asked) => {
      const actors = asked.map((one) => ({ ...one, owed: last.owed[one.actor] ?? [] }));
      return { kind: 'take-back', term, incarnation, line: last.line, actors };
    });
    const ask = this.#surveys.nextAsk();
    this.#returns.set(ask, time);
    deadlines.set(now + config.resendMs, { kind: 'survey', ask });
  }

  #refuse(time: ScopeTime, reason: Failure): void {
    const { tenant, scope } = time;
    this.#desk.decide({ kind: 'rewind-refused', tenant, scope });
    const actors: readonly ActorRecord[] = this.#desk.state.actors.inScope(tenant, scope);
    for (const actor of actors) this.#directory.movedInTime(actor);
    for (const asker of this.#askers.take(scopeKey(tenant, scope))) {
      this.#desk.answer(asker, { kind: 'failed', failure: reason });
    }
  }

  #answer(
    asker: Asker,
    scope: string,
    { line, incarnation }: Pick<RewindDone, 'line' | 'incarnation'>,
  ): void {
    const { actors } = this.#desk.state;
    const there = Object.entries(line).filter(([id]) => actors.get(id as ActorId) !== undefined);
    const rewound = { scope, line: Object.fromEntries(there), incarnation };
    this.#desk.answer(asker, { kind: 'rewound', rewound });
  }
}

/** Which letters are in transit across a line, by their senders (Y2). */
function owedBy(
  passages: ReadonlyMap<ActorId, Passage>,
  line: Line,
  birthOf: (actor: ActorId) => number,
): Map<ActorId, Owed> {
  const taken = new Map<string, number>();
  for (const [to, passage] of passages) {
    for (const [sender, number] of passage.taken) taken.set(`${sender}>${to}`, number);
  }
  const owed = new Map<ActorId, Owed>();
  for (const [from, { sent }] of passages) {
    const letters = sent.flatMap(([to, number]): [ActorId, number][] => {
      const after = taken.get(`${from}#${birthOf(from)}>${to}`) ?? 0;
      return line[to] !== undefined && number > after ? [[to, after]] : [];
    });
    if (letters.length > 0) owed.set(from, letters);
  }
  return owed;
}
