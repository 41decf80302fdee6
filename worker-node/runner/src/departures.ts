/**
 * Where a turn or task leaves this process: steps, calls and waits, numbered in the order in which
 * user code asks for them, and what it waits for. See `gate.ts` for races, `undo.ts` for what follows
 * when a turn has failed.
 *
 * L1  the ordinal of a step, call, wait or race depends only on the order of the asking.
 * L2  what was recorded under an ordinal is given back and not done again; another kind or name
 *     under it is STEP_MISMATCH, whatever user code makes of the error.
 * L3  what has lost a race is neither begun again nor recorded, and its promise is rejected: live
 *     when the race is decided, replayed at the same place.
 * L4  once the failure of the turn is recorded, all that is not recorded before it is refused with
 *     that failure.
 * L5  where a node found that the turn fails, it goes on as far as its record goes, begins nothing, and
 *     fails there: what it would have begun may have been at work, and has lost.
 */
import {
  type Bytes,
  type Decided,
  decodeValue,
  encodeValue,
  type FromRunner,
  isActorKey,
  isTypeName,
  limits,
  type Outcome,
  type Recorded,
  type SaidPriority,
  TroupeError,
  troupeError,
  type WorkId,
} from '@troupe/model';
import { Gate } from './gate.ts';
import { encodePayload } from './outcome.ts';

export type Emit = (frame: FromRunner) => void;

/** A call as user code asks for it. */
export interface Asked {
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly args: Bytes;
  readonly priority?: SaidPriority;
}

interface Wait {
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (reason: unknown) => void;
}

/** Something asked for that has not come to anything yet. */
interface Open {
  readonly name: string;
  /** Only waited for: nothing of it goes on in this process. */
  readonly passive: boolean;
  readonly onLost: (() => void) | undefined;
  /** It is to be undone if the turn fails now. */
  readonly undoes: boolean;
}

type Failed = Extract<Decided, { kind: 'failed' }>;

const gone: Outcome = { ok: true, value: new Uint8Array(0) };
const never = new Promise<never>(() => undefined);

export class Departures {
  readonly #work: WorkId;
  readonly #emit: Emit;
  readonly #recorded = new Map<number, Recorded>();
  /** What is recorded behind the failure of the turn: its compensations. */
  readonly #undone = new Map<number, Recorded>();
  readonly #waits = new Map<number, Wait>();
  /** Steps, calls and waits that have been asked for and have not come to anything yet. */
  readonly #open = new Map<number, Open>();
  /** What has lost a race (L3), or was open when the turn failed (L4). */
  readonly #lost = new Set<number>();
  readonly #gates = new WeakMap<object, Gate>();
  /** Side effects under way in this process, those that have lost among them. */
  readonly #effects = new Set<Promise<unknown>>();
  readonly #onPassive: () => void;
  #next = 0;
  #reserved = 0;
  #lastRecorded = -1;
  #failed: Failed | undefined;
  /** As long as its runner has not said what that undoes. */
  readonly #found: Failed | undefined;
  #halted = false;
  #mismatch: TroupeError | undefined;
  #abandoned: TroupeError | undefined;
  #onAsked: (() => void) | undefined;

  /** `onPassive` is called when it may be that nothing is open but what is only waited for. */
  constructor(
    work: WorkId,
    emit: Emit,
    recorded: readonly Recorded[],
    onPassive: () => void = () => undefined,
  ) {
    this.#work = work;
    this.#emit = emit;
    this.#onPassive = onPassive;
    const failed = recorded.find((record) => record.kind === 'failed');
    if (failed?.found === true) this.#found = failed;
    else this.#failed = failed;
    const end = failed?.ordinal ?? Infinity;
    for (const record of recorded) {
      if (record === this.#found) continue;
      this.#lastRecorded = Math.max(this.#lastRecorded, record.ordinal);
      if (record.ordinal < end) this.#recorded.set(record.ordinal, record);
      if (record.ordinal > end) this.#undone.set(record.ordinal, record);
      if (!('lost' in record)) continue;
      for (const ordinal of record.lost) this.#lost.add(ordinal);
    }
  }

  /** The first thing that did not match its record (L2). */
  get mismatch(): TroupeError | undefined {
    return this.#mismatch;
  }

  /** That the turn has failed, as it is recorded. */
  get failed(): Failed | undefined {
    return this.#failed ?? this.#found;
  }

  /** It is where a turn that a node found to fail is to fail (L5). */
  get halted(): boolean {
    return this.#halted && this.#next > Math.max(-1, ...(this.#found?.lost ?? []));
  }

  /** Something is at work that would be undone. */
  get undoesOpen(): boolean {
    return [...this.#open.values()].some(({ undoes }) => undoes);
  }

  /** What is recorded and was not asked for again. */
  get unasked(): readonly string[] {
    return [...this.#recorded.values()].map((record) => `${record.kind} ${record.name}`);
  }

  /** Steps that were done or at work and are to be undone, and were not asked for again: the last first. */
  get unaskedUndos(): readonly string[] {
    const steps = [...this.#recorded.values()].filter(
      (one) => one.kind === 'step' && one.undo === true && one.outcome?.ok !== false,
    );
    return steps.sort((left, right) => right.ordinal - left.ordinal).map(({ name }) => name);
  }

  /** Calls it once all that is recorded was asked for again. */
  whenAsked(then: () => void): void {
    if (this.#recorded.size === 0) then();
    else this.#onAsked = then;
  }

  /** What has not come to anything yet: a turn may not end and leave it behind. */
  get open(): readonly string[] {
    return [...this.#open.values()].map(({ name }) => name);
  }

  /** True when nothing is left to do here but to wait for what others do. */
  get onlyWaits(): boolean {
    if (this.#open.size === 0) return false;
    for (const { passive } of this.#open.values()) if (!passive) return false;
    return true;
  }

  /** Ordinals of what is open. */
  get openOrdinals(): readonly number[] {
    return [...this.#open.keys()];
  }

  /** The ordinal that is taken next. */
  get asked(): number {
    return this.#next;
  }

  /** Keeps so many ordinals behind those of user code. */
  reserve(count: number): void {
    this.#reserved += count;
    if (this.#next + this.#reserved <= limits.turnStepsMax) return;
    throw this.#refuse(`a compensation is beyond the ${limits.turnStepsMax} that a turn may have`);
  }

  /** How many of them wait for the node to speak. */
  get waits(): number {
    return this.#waits.size;
  }

  /** Takes the next ordinal, and what is recorded under it (L1, L2, L4). */
  next(kind: Recorded['kind'], name: string): { ordinal: number; record: Recorded | undefined } {
    const ordinal = this.#next;
    if (ordinal + this.#reserved >= limits.turnStepsMax) {
      throw this.#refuse(
        `${kind} ${name} is beyond the ${limits.turnStepsMax} that a turn may have`,
      );
    }
    this.#next += 1;
    const record = this.#recorded.get(ordinal);
    if (record !== undefined && (record.kind !== kind || record.name !== name)) {
      throw this.#refuse(
        `${kind} ${name} stands where ${record.kind} ${record.name} was recorded (ordinal ${ordinal})`,
      );
    }
    this.#recorded.delete(ordinal);
    if (this.#recorded.size === 0) this.#onAsked?.();
    const recorded = record?.outcome !== undefined;
    if (this.#failed !== undefined && !recorded && !this.#lost.has(ordinal)) {
      throw failureIn(this.#failed);
    }
    if (this.#found !== undefined && !recorded && !this.#lost.has(ordinal)) {
      this.#lost.add(ordinal);
      this.#halted = true;
      this.#onPassive();
    }
    return { ordinal, record };
  }

  /** Calls an actor, or gives back what the recorded call came to. */
  call(asked: Asked, deadlineMs: number): Promise<unknown> {
    const { ordinal, record } = this.next('call', nameOf(asked));
    return this.gate(ordinal, this.#call(asked, deadlineMs, ordinal, record));
  }

  /** A call of a compensation, under an ordinal of its own. */
  callAt(ordinal: number, asked: Asked, deadlineMs: number): Promise<unknown> {
    return this.#call(asked, deadlineMs, ordinal, this.#undone.get(ordinal));
  }

  /** What a compensation is recorded to have come to. */
  undone(ordinal: number): Outcome | undefined {
    return this.#undone.get(ordinal)?.outcome;
  }

  /** Waits for a signal, or gives back the recorded one. */
  waitFor(name: string, limitMs: number | undefined): Promise<unknown> {
    const { ordinal, record } = this.next('wait', name);
    if (record?.outcome !== undefined && !this.isLost(ordinal)) {
      return this.gate(ordinal, valueIn(record.outcome));
    }
    this.opened(ordinal, `wait ${name}`, { passive: !this.isLost(ordinal) });
    if (this.isLost(ordinal)) return this.gate(ordinal, this.lost(ordinal));
    const frame = { kind: 'wait-begin', work: this.#work, ordinal, name } as const;
    const signal = this.wait(ordinal).then((outcome) => {
      this.closed(ordinal);
      return valueIn(outcome);
    });
    this.#emit(limitMs === undefined ? frame : { ...frame, limitMs });
    return this.gate(ordinal, signal);
  }

  /** All of these, in order; throws only when each has ended. */
  all(list: readonly unknown[]): Promise<unknown> {
    const gates = this.#gatesOf('c.all', list);
    const values = Promise.allSettled(gates.map(({ promise }) => promise)).then((ended) =>
      ended.map((one) => {
        if (one.status === 'rejected') throw one.reason;
        return one.value;
      }),
    );
    return this.#gated(new Gate(values, undefined, gates));
  }

  /** The first of these; who won is recorded, and so is who lost by it (L3). */
  race(list: readonly unknown[]): Promise<unknown> {
    const gates = this.#gatesOf('c.race', list);
    if (gates.length === 0) {
      throw troupeError('INVALID_ARGUMENT', 'c.race of nothing would never end');
    }
    const name = `of ${gates.length}`;
    const { ordinal, record } = this.next('race', name);
    this.opened(ordinal, `race ${name}`, { passive: !this.isLost(ordinal) });
    const winner = new Promise<Gate>((won, fail) => {
      const decide = (at: number, gate: Gate): void => {
        if (!this.#open.has(ordinal) || this.isLost(ordinal)) return;
        this.closed(ordinal);
        if (this.#abandoned !== undefined) return fail(this.#abandoned);
        if (this.#failed !== undefined && record === undefined)
          return fail(failureIn(this.#failed));
        const lost = record?.kind === 'race' ? record.lost : gates.flatMap(unsettledIn);
        if (record === undefined) {
          const outcome: Outcome = { ok: true, value: encodeValue(at) };
          const decided: Decided = { kind: 'race', ordinal, name, outcome, lost };
          this.#emit({ kind: 'decided', work: this.#work, decided });
        }
        const reason = troupeError('CANCELLED', `it lost the race ${name} (ordinal ${ordinal})`);
        const losing = new Set(lost);
        for (const one of gates) one.lose(losing, reason);
        won(gate);
      };
      const recorded = record?.outcome?.ok === true ? decodeValue(record.outcome.value) : undefined;
      gates.forEach((gate, at) => {
        if (recorded !== undefined && at !== recorded) return;
        const settled = () => decide(at, gate);
        gate.promise.then(settled, settled);
      });
    });
    const outcome = winner.then(({ promise }) => promise);
    return this.#gated(new Gate(outcome, ordinal, gates, (one) => this.#lose(one)));
  }

  /** The promise that user code is given for what has this ordinal. */
  gate(ordinal: number, inner: Promise<unknown>): Promise<unknown> {
    return this.#gated(new Gate(inner, ordinal, [], (one) => this.#lose(one)));
  }

  /** What is heard of something that is recorded as lost: when its race is decided, that it lost. */
  lost(ordinal: number): Promise<never> {
    const failed = this.#failed;
    return failed?.lost.includes(ordinal) === true ? Promise.reject(failureIn(failed)) : never;
  }

  isLost(ordinal: number): boolean {
    return this.#lost.has(ordinal);
  }

  opened(ordinal: number, name: string, more: Partial<Omit<Open, 'name'>> = {}): void {
    const { passive = false, undoes = false, onLost } = more;
    this.#open.set(ordinal, { name, passive, undoes, onLost });
    if (passive) this.#onPassive();
  }

  closed(ordinal: number): void {
    this.#open.delete(ordinal);
    if (this.#open.size > 0) this.#onPassive();
  }

  /** A side effect begins in this process. */
  begun<T>(effect: Promise<T>): Promise<T> {
    this.#effects.add(effect);
    const ended = () => this.#effects.delete(effect);
    effect.then(ended, ended);
    return effect;
  }

  /** Resolves when no side effect is under way any more. */
  async quiet(): Promise<void> {
    await Promise.allSettled(this.#effects);
  }

  /**
   * The turn has failed for good: what is open is lost, and nothing is asked for any more. Who calls
   * says what is to be undone when all that has been done is known.
   */
  fail(reason: Outcome, undo: () => readonly string[]): Failed {
    const outcome = this.#found?.outcome ?? reason;
    const lost = this.openOrdinals;
    for (const ordinal of lost) this.#lose(ordinal);
    if (this.#failed !== undefined) return this.#failed;
    const ordinal = Math.max(this.#next, this.#lastRecorded + 1);
    const name = 'turn';
    const failed: Failed = { kind: 'failed', ordinal, name, outcome, lost, undo: undo() };
    this.#failed = failed;
    this.#emit({ kind: 'decided', work: this.#work, decided: failed });
    return failed;
  }

  /** Waits for the node to speak of this ordinal. */
  wait(ordinal: number): Promise<Outcome> {
    return new Promise((settle, fail) => {
      this.#waits.set(ordinal, { settle, fail });
    });
  }

  go(ordinal: number): void {
    this.returned(ordinal, gone);
  }

  returned(ordinal: number, outcome: Outcome): void {
    const wait = this.#waits.get(ordinal);
    this.#waits.delete(ordinal);
    wait?.settle(outcome);
  }

  /** Ends every wait with an error. */
  abandon(reason: TroupeError): void {
    this.#abandoned ??= reason;
    for (const wait of this.#waits.values()) wait.fail(reason);
    this.#waits.clear();
  }

  #call(
    asked: Asked,
    deadlineMs: number,
    ordinal: number,
    record: Recorded | undefined,
  ): Promise<unknown> {
    const lost = this.isLost(ordinal);
    if (record?.outcome !== undefined && !lost) return valueIn(record.outcome);
    const name = nameOf(asked);
    this.opened(ordinal, `call ${name}`);
    if (lost) return this.lost(ordinal);
    const { type, key, method, args, priority } = asked;
    const reply = this.wait(ordinal).then((outcome) => {
      this.closed(ordinal);
      return valueIn(outcome);
    });
    const work = this.#work;
    const call = { work, ordinal, name, type, key, method, args, deadlineMs };
    const said = priority === undefined ? {} : { priority };
    this.#emit({ kind: 'call-out', ...call, ...said });
    return reply;
  }

  /** Nobody hears any more what has this ordinal. */
  #lose(ordinal: number): void {
    const open = this.#open.get(ordinal);
    this.#lost.add(ordinal);
    this.#waits.delete(ordinal);
    this.closed(ordinal);
    open?.onLost?.();
  }

  #gated(gate: Gate): Promise<unknown> {
    const promise = observed(gate.promise);
    this.#gates.set(promise, gate);
    return promise;
  }

  #gatesOf(what: string, list: readonly unknown[]): readonly Gate[] {
    if (!Array.isArray(list)) {
      throw troupeError('INVALID_ARGUMENT', `${what} takes a list, not ${String(list)}`);
    }
    return [...list].map((one, at) => {
      const gate = typeof one === 'object' && one !== null ? this.#gates.get(one) : undefined;
      if (gate !== undefined) return gate;
      const text = `${what} takes only what c.step, c.actor, c.waitFor, c.all and c.race give`;
      throw troupeError('INVALID_ARGUMENT', `${text}: number ${at} of its list is something else`);
    });
  }

  #refuse(what: string): TroupeError {
    this.#mismatch ??= troupeError('STEP_MISMATCH', what);
    return this.#mismatch;
  }
}

function nameOf({ type, key, method }: Asked): string {
  return `${type}/${key}.${method}`;
}

function unsettledIn(gate: Gate): number[] {
  return [...gate.unsettled()];
}

function failureIn({ outcome }: Failed): TroupeError {
  return outcome.ok
    ? troupeError('INTERNAL', 'a turn is recorded to have failed, without its failure')
    : new TroupeError(outcome.failure);
}

/** What an outcome comes to for the user code that waits for it. */
export async function valueIn(outcome: Outcome): Promise<unknown> {
  if (outcome.ok) return decodeValue(outcome.value);
  throw new TroupeError(outcome.failure);
}

/** Checks a call or send where user code makes it, so that the stack shows the line. */
export function ask(type: string, key: string, method: string, args: readonly unknown[]): Asked {
  if (!isTypeName(type) || typeof key !== 'string' || !isActorKey(key)) {
    throw troupeError('INVALID_ARGUMENT', `${String(type)}/${String(key)} names no actor`);
  }
  if (!isTypeName(method)) {
    throw troupeError('INVALID_ARGUMENT', `${type}.${method} names no method`);
  }
  return { type, key, method, args: encodePayload([...args], 'args') };
}

export function checkDeadline(deadlineMs: number = limits.deadlineMsDefault): number {
  if (Number.isSafeInteger(deadlineMs) && deadlineMs > 0 && deadlineMs <= limits.deadlineMsMax) {
    return deadlineMs;
  }
  throw troupeError(
    'INVALID_ARGUMENT',
    `deadlineMs is ${deadlineMs}; it must be a whole number from 1 to ${limits.deadlineMsMax}`,
  );
}

/** Keeps a rejection that user code has not awaited yet from ending the process: a turn that ends
 *  while something is still waited for fails by itself. */
export function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
