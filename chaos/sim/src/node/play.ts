/**
 * Programs as a runner plays them: parts in order, what leaves the turn under an ordinal, and what was
 * recorded given back instead of done again.
 *
 * L2  what was recorded under an ordinal is given back and not done again.
 * L3  what lost a race is not done again, and what it comes to is not recorded.
 * L5  where a node found that the turn fails, it goes on as far as its record goes, and fails there: what
 *     it would have begun may have been at work.
 * V2  a turn that fails undoes its steps, the last first, each once.
 * A4  an actor that has left begins no step, whatever its node had allowed.
 */
import {
  type ActorId,
  actorParts,
  type BundleHash,
  type Decided,
  decodeValue,
  encodeValue,
  type FromRunner,
  failure,
  type Outcome,
  type OutgoingSend,
  type Recorded,
  type TimerChange,
  topicType,
  type WorkId,
} from '@troupe/model';
import type { Process } from '@troupe/virtual';
import { firstYielded, undoesAtWork, undoOrder } from '../mutants/spoilt-runner.ts';
import type { World } from '../world/world.ts';
import {
  actorType,
  encodeArgs,
  hearMethod,
  type Leg,
  ordinalsOf,
  type Part,
  type Program,
  undoOf,
  undoOrdinals,
} from './program.ts';

type Failed = Extract<Decided, { kind: 'failed' }>;

/** What has left the turn and has not come back. */
interface Open {
  readonly leg: Leg;
  readonly settle: (outcome: Outcome) => void;
}

interface Undo {
  readonly name: string;
  readonly ordinal: number;
}

/** A turn or task under way. */
export interface Work {
  readonly work: WorkId;
  readonly actor: ActorId | undefined;
  readonly callId: string;
  readonly program: Program;
  readonly recorded: ReadonlyMap<number, Recorded>;
  /** Values that earlier runs have yielded; undefined when nobody takes any. */
  readonly yielded?: number | undefined;
  readonly sends: OutgoingSend[];
  readonly timers: TimerChange[];
  /** What calls, steps, waits and races came to, in order. */
  readonly results: unknown[];
  readonly done: (work: Work, outcome: Outcome) => void;
  /** It has nothing to do but to wait. */
  readonly waits: (work: Work, ordinals: readonly number[]) => void;
  readonly open: Map<number, Open>;
  readonly undos: Undo[];
  /** That it has failed, when that is recorded. */
  failed: Failed | undefined;
  undoing: boolean;
  part: number;
  ordinal: number;
  /** Position of the value that it yields next. */
  yields: number;
  cancelled: boolean;
}

type Begun = Pick<
  Work,
  'work' | 'actor' | 'callId' | 'program' | 'recorded' | 'yielded' | 'done' | 'waits'
>;

export interface PlayStart {
  readonly world: World;
  readonly process: Process;
  /** Incarnation of its node. */
  readonly node: string;
  readonly bundle: BundleHash;
  readonly emit: (frame: FromRunner) => void;
  /** The runner dies, by the doing of this turn or task. */
  readonly crash: (why: string, callId: string) => void;
}

const callDeadlineMs = 30_000;

export class Play {
  readonly #start: PlayStart;
  readonly #works = new Map<WorkId, Work>();

  constructor(start: PlayStart) {
    this.#start = start;
  }

  run(begun: Begun): void {
    const work: Work = {
      ...begun,
      sends: [],
      timers: [],
      results: [],
      open: new Map(),
      undos: [],
      failed: [...begun.recorded.values()].find((one) => one.kind === 'failed'),
      undoing: false,
      part: 0,
      ordinal: 0,
      yields: firstYielded(this.#start.world, begun.yielded ?? 0),
      cancelled: false,
    };
    this.#works.set(work.work, work);
    // A plain turn takes no time at all often enough, so that many share one append.
    const { world, process } = this.#start;
    if (world.chance.chance(0.5)) this.#goOn(work);
    else process.after(world.chance.spread(0.05, 8), () => this.#goOn(work));
  }

  cancel(id: WorkId): void {
    const work = this.#works.get(id);
    if (work !== undefined) work.cancelled = true;
  }

  /** Nothing of this actor goes on here (A4). */
  leave(actor: ActorId): void {
    for (const { work, actor: own } of this.#works.values()) {
      if (own === actor) this.#works.delete(work);
    }
  }

  stepGo(id: WorkId, ordinal: number): void {
    const work = this.#works.get(id);
    const open = work?.open.get(ordinal);
    if (work === undefined || open?.leg[0] !== 'step') return;
    if (work.cancelled && !work.undoing) return this.#end(work, failedBy('CANCELLED', work));
    const { leg } = open;
    const { world, process, node } = this.#start;
    const effect = `${work.callId}/${ordinal}`;
    world.trace?.say(process.name, `does ${effect}`);
    world.checks.effect({ effect, actor: work.actor, node });
    if (leg[0] === 'step' && this.#diesOf(effect, leg[3] ?? 0, work)) return;
    process.after(world.chance.spread(0.1, 60), () => {
      if (this.#works.get(id) !== work || work.open.get(ordinal) !== open) return;
      const outcome: Outcome = { ok: true, value: encodeValue(effect) };
      this.#start.emit({
        kind: 'step-done',
        work: id,
        ordinal,
        name: leg[1],
        outcome,
        ...undoIn(leg),
      });
      this.#came(work, ordinal, outcome);
    });
  }

  /** True when the runner dies of this effect. */
  #diesOf(effect: string, times: number, work: Work): boolean {
    const { world, process, crash } = this.#start;
    const crashes = world.crashes.get(effect) ?? 0;
    if (crashes >= times) return false;
    world.crashes.set(effect, crashes + 1);
    process.after(world.chance.spread(0.1, 10), () => {
      world.coverage.reach('a runner crashes under a step');
      crash(`of ${effect}`, work.callId);
    });
    return true;
  }

  returned(id: WorkId, ordinal: number, outcome: Outcome): void {
    const work = this.#works.get(id);
    if (work?.open.get(ordinal)?.leg[0] === 'step') return;
    if (work !== undefined) this.#came(work, ordinal, outcome);
  }

  #goOn(work: Work): void {
    for (;;) {
      if (this.#works.get(work.work) !== work || work.undoing) return;
      const goesOn = work.failed?.found === true;
      if (work.cancelled && !goesOn) return this.#end(work, failedBy('CANCELLED', work));
      const part = work.program.parts[work.part];
      if (part === undefined) {
        const value = encodeValue([work.program.id, work.results]);
        return this.#end(work, { ok: true, value });
      }
      if (!this.#part(work, part)) return;
      work.part += 1;
    }
  }

  #next(work: Work): void {
    work.part += 1;
    this.#goOn(work);
  }

  /** True when the part is done and the next may follow at once. */
  #part(work: Work, part: Part): boolean {
    const { world, process, crash } = this.#start;
    switch (part[0]) {
      case 'send': {
        const [, key, program, manner] = part;
        const letter = { type: actorType, key, method: 'run', args: encodeArgs(program) };
        work.sends.push({ ...letter, ...manner });
        return true;
      }
      case 'publish': {
        const [, key, message] = part;
        const args = encodeValue([message]);
        work.sends.push({ type: topicType, key, method: 'publish', args });
        return true;
      }
      case 'timer': {
        const [, name, when, program] = part;
        work.timers.push({ kind: 'set', name, when, method: 'run', args: encodeArgs(program) });
        return true;
      }
      case 'cancel':
        work.timers.push({ kind: 'cancel', name: part[1] });
        return true;
      case 'later': {
        const [, key, ms, program, manner] = part;
        const to = { type: actorType, key };
        const when = { kind: 'after', ms } as const;
        const letter = { kind: 'set', when, method: 'run', args: encodeArgs(program), to } as const;
        work.timers.push({ ...letter, ...manner });
        return true;
      }
      case 'fail':
        this.#end(work, failedBy('USER_ERROR', work));
        return false;
      case 'balk': {
        const balked = world.balked.get(work.program.id) ?? 0;
        if (balked >= part[1]) return true;
        world.balked.set(work.program.id, balked + 1);
        this.#end(work, failedBy('USER_ERROR', work));
        return false;
      }
      case 'yield':
        this.#yield(work, part[1]);
        return true;
      case 'sleep':
        process.after(part[1], () => this.#next(work));
        return false;
      case 'crash': {
        const crashes = world.crashes.get(work.callId) ?? 0;
        if (crashes >= part[1]) return true;
        world.crashes.set(work.callId, crashes + 1);
        world.coverage.reach('a runner crashes under a turn');
        if (this.#works.size > 1) world.coverage.reach('others run at a runner that crashes');
        crash(`as ${work.program.id} asked`, work.callId);
        return false;
      }
      case 'race':
        return this.#race(work, part[1]);
      case 'step':
      case 'call':
      case 'follow':
      case 'leave':
      case 'wait':
        return this.#single(work, part);
    }
  }

  #yield(work: Work, name: string): void {
    const { world, emit, node } = this.#start;
    const { yielded, yields: position } = work;
    if (yielded === undefined) return;
    work.yields += 1;
    if (position < yielded) return world.coverage.reach('a recorded value is not yielded again');
    const value = encodeValue([name, node, work.work]);
    emit({ kind: 'yielded', work: work.work, position, value });
  }

  #single(work: Work, leg: Leg): boolean {
    const { ordinal } = work;
    work.ordinal += 1;
    const record = work.recorded.get(ordinal);
    if (record?.outcome !== undefined) {
      if (record.kind === 'step') {
        this.#start.world.coverage.reach('a recorded step is not repeated');
      }
      this.#registered(work, ordinal, leg, record.outcome);
      return this.#take(work, record.outcome);
    }
    this.#leave(work, leg, ordinal, (outcome) => {
      if (this.#take(work, outcome)) this.#next(work);
    });
    return false;
  }

  /** True when it is recorded who won. */
  #race(work: Work, legs: readonly Leg[]): boolean {
    const { coverage } = this.#start.world;
    const first = work.ordinal;
    const ordinal = first + legs.length;
    work.ordinal = ordinal + 1;
    const record = work.recorded.get(ordinal);
    if (record?.kind === 'race' && record.outcome.ok) {
      coverage.reach('a race has its recorded winner again');
      const won = Number(decodeValue(record.outcome.value));
      for (const [at, leg] of legs.entries()) {
        const known = work.recorded.get(first + at)?.outcome;
        const isLost = record.lost.includes(first + at);
        if (isLost) this.#lost(work, first + at, leg);
        else if (known !== undefined) this.#registered(work, first + at, leg, known);
      }
      const outcome = work.recorded.get(first + won)?.outcome;
      return outcome !== undefined && this.#take(work, outcome, won);
    }
    let decided = false;
    const decide = (at: number, outcome: Outcome): void => {
      if (decided) return;
      decided = true;
      const lost = legs.flatMap((leg, place) => {
        const isOpen = work.open.delete(first + place);
        if (isOpen) this.#lost(work, first + place, leg);
        return isOpen ? [first + place] : [];
      });
      const race: Decided = {
        kind: 'race',
        ordinal,
        name: `of ${legs.length}`,
        outcome: { ok: true, value: encodeValue(at) },
        lost,
      };
      this.#start.emit({ kind: 'decided', work: work.work, decided: race });
      if (this.#take(work, outcome, at)) this.#next(work);
    };
    const known: { at: number; outcome: Outcome }[] = [];
    for (const [at, leg] of legs.entries()) {
      const outcome = work.recorded.get(first + at)?.outcome;
      if (outcome !== undefined) {
        this.#registered(work, first + at, leg, outcome);
        known.push({ at, outcome });
      } else if (work.failed !== undefined) this.#mayBeDone(work, leg, first + at);
      else this.#leave(work, leg, first + at, (came) => decide(at, came));
    }
    const [winner] = known;
    if (work.failed !== undefined) this.#end(work, work.failed.outcome);
    else if (winner !== undefined) {
      this.#start.process.after(0, () => {
        if (this.#works.get(work.work) === work) decide(winner.at, winner.outcome);
      });
    }
    return false;
  }

  /** When the turn has failed, as is recorded, nothing begins any more. */
  #leave(work: Work, leg: Leg, ordinal: number, settle: Open['settle']): void {
    const { emit, world, process } = this.#start;
    if (work.failed !== undefined) {
      this.#mayBeDone(work, leg, ordinal);
      this.#end(work, work.failed.outcome);
      return;
    }
    const record = work.recorded.get(ordinal);
    if (record?.kind === 'call') {
      world.coverage.reach('an awaited call comes back after a failover');
    }
    work.open.set(ordinal, { leg, settle });
    const { work: id } = work;
    if (leg[0] === 'step') {
      emit({ kind: 'step-begin', work: id, ordinal, name: leg[1], ...undoIn(leg) });
    } else if (leg[0] === 'wait') {
      const [, name, limitMs] = leg;
      emit({ kind: 'wait-begin', work: id, ordinal, name, limitMs });
      process.after(0.01, () => this.#look(work));
    } else {
      const asked = askedOf(leg, work.actor);
      const name = `${asked.type}/${asked.key}.${asked.method}`;
      emit({ kind: 'call-out', work: id, ordinal, name, ...asked, deadlineMs: callDeadlineMs });
    }
  }

  /** It was at work when the turn failed, or may have been (L5). */
  #mayBeDone(work: Work, leg: Leg, ordinal: number): void {
    const { failed } = work;
    if (failed?.found === true && undoesAtWork(this.#start.world)) {
      this.#lost(work, ordinal, leg);
      work.open.set(ordinal, { leg, settle: () => undefined });
    } else if (failed?.found !== true && failed?.lost.includes(ordinal))
      this.#lost(work, ordinal, leg);
  }

  /** What only waits is given up. */
  #look(work: Work): void {
    if (this.#works.get(work.work) !== work || work.undoing || work.cancelled) return;
    const open = [...work.open.values()];
    if (open.length === 0 || open.some(({ leg }) => leg[0] !== 'wait')) return;
    this.#start.world.coverage.reach('a turn that waits is given up by its runner');
    this.#works.delete(work.work);
    work.waits(work, [...work.open.keys()]);
  }

  #came(work: Work, ordinal: number, outcome: Outcome): void {
    const open = work.open.get(ordinal);
    if (open === undefined) return;
    work.open.delete(ordinal);
    this.#registered(work, ordinal, open.leg, outcome);
    open.settle(outcome);
    if (work.open.size > 0) this.#look(work);
  }

  /** A step that was done is undone if the turn fails. */
  #registered(work: Work, ordinal: number, leg: Leg, outcome: Outcome): void {
    if (leg[0] !== 'step' || leg[2] !== 'undo' || !outcome.ok) return;
    work.undos.push({ name: leg[1], ordinal });
  }

  /** So is one of which nobody knows whether it was done. */
  #lost(work: Work, ordinal: number, leg: Leg): void {
    if (leg[0] === 'step' && leg[2] === 'undo') work.undos.push({ name: leg[1], ordinal });
  }

  /** True when user code goes on with what it got. */
  #take(work: Work, outcome: Outcome, won?: number): boolean {
    if (!outcome.ok) {
      this.#end(work, outcome);
      return false;
    }
    const value = decodeValue(outcome.value);
    work.results.push(won === undefined ? value : { won, value });
    return true;
  }

  #end(work: Work, outcome: Outcome): void {
    if (work.undoing || this.#works.get(work.work) !== work) return;
    const ended = work.failed?.outcome ?? outcome;
    const atWork = [...work.open.values()].some(
      ({ leg }) => leg[0] === 'step' && leg[2] === 'undo',
    );
    const undone = atWork || work.undos.length > 0 || (work.failed?.undo?.length ?? 0) > 0;
    if (ended.ok || !undone) {
      this.#works.delete(work.work);
      return work.done(work, ended);
    }
    this.#undo(work, ended);
  }

  #undo(work: Work, outcome: Outcome): void {
    const { emit, world } = this.#start;
    work.undoing = true;
    const lost = [...work.open.keys()];
    if (work.failed === undefined) {
      for (const [ordinal, { leg }] of work.open) this.#lost(work, ordinal, leg);
    }
    work.open.clear();
    const undos = undoOrder(
      world,
      [...work.undos].sort((left, right) => right.ordinal - left.ordinal),
    );
    if (work.failed === undefined || work.failed.found === true) {
      const found = work.failed !== undefined;
      if (found) world.coverage.reach('a turn that crashes its runners is undone');
      const ordinal = Math.max(work.ordinal, ...[...work.recorded.keys()].map((one) => one + 1));
      const undo = undos.map(({ name }) => name);
      work.failed = { kind: 'failed', ordinal, name: 'turn', outcome, lost, undo };
      emit({ kind: 'decided', work: work.work, decided: work.failed });
    } else world.coverage.reach('a turn goes on undoing after a failover');
    world.coverage.reach('a turn that fails is undone');
    this.#undoNext(work, undos, work.failed, 0);
  }

  #undoNext(work: Work, undos: readonly Undo[], failed: Failed, at: number): void {
    const undo = undos[at];
    if (undo === undefined) {
      this.#works.delete(work.work);
      return work.done(work, failed.outcome);
    }
    const next = () => this.#undoNext(work, undos, failed, at + 1);
    const ordinal = failed.ordinal + 1 + at * undoOrdinals;
    if (work.recorded.get(ordinal)?.outcome !== undefined) return next();
    const name = undoOf(undo.name);
    work.open.set(ordinal, { leg: ['step', name], settle: next });
    this.#start.emit({ kind: 'step-begin', work: work.work, ordinal, name });
  }
}

function undoIn(leg: Leg): { readonly undo?: true } {
  return leg[0] === 'step' && leg[2] === 'undo' ? { undo: true } : {};
}

/** The ordinal that each part begins with. */
export function ordinalsIn(parts: readonly Part[]): readonly number[] {
  let next = 0;
  return parts.map((part) => {
    const first = next;
    next += ordinalsOf(part);
    return first;
  });
}

function askedOf(
  leg: Exclude<Leg, readonly ['step' | 'wait', ...unknown[]]>,
  actor: ActorId | undefined,
) {
  if (leg[0] === 'call') {
    const [, key, program] = leg;
    return { type: actorType, key, method: 'run', args: encodeArgs(program) };
  }
  const own = actor === undefined ? '' : actorParts(actor).key;
  const method = leg[0] === 'follow' ? 'subscribe' : 'unsubscribe';
  const args = encodeValue([actorType, own, ...(leg[0] === 'follow' ? [hearMethod] : [])]);
  return { type: topicType, key: leg[1], method, args };
}

function failedBy(code: 'USER_ERROR' | 'CANCELLED', { program }: Work): Outcome {
  return { ok: false, failure: failure(code, `program ${program.id} ended badly`) };
}
