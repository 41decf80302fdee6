/**
 * An actor in this process.
 *
 * A1  turns run one after another in the order in which they came; a read waits for none of them, and runs
 *     on the state of the last finished one. When the turn or the read may begin says the turnstile.
 * A2  a turn that failed has changed nothing and sends nothing.
 * A3  when a turn was given up because it waits, no other begins before the node has said that it
 *     knows: what it had sent before it takes back.
 * A4  an actor that has left begins no turn, no step and no compensation: its node, which had allowed
 *     one, may have ended the turn before that was heard here.
 */
import {
  type ActorId,
  actorParts,
  type Bytes,
  decodeValue,
  type FromRunner,
  healthMethod,
  limits,
  type MigratedState,
  type Outcome,
  type OutgoingSend,
  sameActor,
  type TenantName,
  type TimerChange,
  type ToRunner,
  troupeError,
  type WorkId,
} from '@troupe/model';
import type { AnyActorDefinition } from '@troupe/sdk/internal';
import type { Emit } from './departures.ts';
import { type BuiltState, HeldState } from './held-state.ts';
import { HeldTimers } from './held-timers.ts';
import type { After } from './long-timer.ts';
import { encodePayload, failed, failureOfUser } from './outcome.ts';
import { isGenerated, runOut, Stream } from './stream.ts';
import { ReadScope, type TurnFrame, TurnScope } from './turn.ts';
import type { MeasuredTurn, TurnMeter } from './turn-meter.ts';
import type { Turnstile, Waiting } from './turnstile.ts';
import { hasUndo, undoAll } from './undo.ts';
import { Work } from './work.ts';

type Activate = Extract<ToRunner, { kind: 'activate' }>;

type Activated = Pick<Activate, 'deltas' | 'timers' | 'nextTimer'> & {
  readonly state?: Bytes | BuiltState | undefined;
};

type TurnDone = Extract<FromRunner, { kind: 'turn-done' }>;

/** A firing whose timer a turn before it has cancelled. */
const skippedTurn = {
  kind: 'turn-done',
  outcome: { ok: true, value: new Uint8Array(0) },
  sends: [],
  skipped: true,
} as const;

/** What a letter costs in a record beside what the user put into it. */
const letterBytes = 160;

/** A method as the runner calls it: the types were checked where it was defined. */
type Method = (c: unknown, ...args: readonly unknown[]) => unknown;

export interface Host {
  readonly emit: Emit;
  /** The works that frames of the node may address. */
  readonly works: Map<WorkId, Work>;
  readonly after: After;
  /** Wall-clock ms. */
  readonly wall: () => number;
  readonly turnMeter: TurnMeter | undefined;
  readonly turnstile: Turnstile;
}

export class Activation implements Waiting {
  readonly #definition: AnyActorDefinition;
  readonly #host: Host;
  readonly #held: HeldState;
  readonly #timers: HeldTimers;
  readonly #name: string;
  readonly tenant: TenantName;
  readonly #queue: TurnFrame[] = [];
  readonly #reads: TurnFrame[] = [];
  /** Queued turns that hear that they are cancelled when they begin. */
  readonly #cancelled = new Set<WorkId>();
  #inLine = false;
  #running: Work | undefined;
  #waits = false;

  /** Throws what the constructor of the state throws. */
  constructor(actor: ActorId, definition: AnyActorDefinition, host: Host, from: Activated) {
    const { type, key, tenant } = actorParts(sameActor(actor));
    this.tenant = tenant;
    this.#definition = definition;
    this.#host = host;
    this.#name = `${type}/${key}`;
    this.#held = new HeldState(() => definition.state(key), from.state, from.deltas);
    this.#timers = new HeldTimers(from.timers, from.nextTimer);
  }

  /** Takes its state over to the version of this bundle, or records it whole. */
  migrate(how: NonNullable<Activate['migrate']>): MigratedState | undefined {
    if ('stored' in how) return this.#held.recordAnew();
    return this.#held.migrate((state) => migrated(this.#definition, state, how.from));
  }

  encodedState(): Bytes {
    return this.#held.encoded();
  }

  take(frame: TurnFrame): void {
    if (frame.read) this.#reads.push(frame);
    else if (this.#waits) return;
    else this.#queue.push(frame);
    this.#join();
  }

  /** The one that came first of those that may. */
  begin(): boolean {
    const [turn] = this.#running === undefined ? this.#queue : [];
    const [read] = this.#reads;
    if (read !== undefined && (turn === undefined || read.work < turn.work)) {
      this.#reads.shift();
      this.#read(read);
    } else if (turn !== undefined) {
      this.#queue.shift();
      this.#turn(turn);
    }
    this.#inLine = this.#mayBegin;
    return this.#inLine;
  }

  /** The node knows that the turn waits (A3). */
  waitsSeen(): void {
    this.#waits = false;
  }

  /** The node takes it from here, and hears no turn of it any more (A4). */
  leave(): void {
    this.#queue.length = 0;
    this.#reads.length = 0;
    if (this.#running === undefined) return;
    this.#host.works.delete(this.#running.id);
    this.#running.leave();
  }

  /** A queued turn or read that is cancelled never starts, unless it has begun elsewhere: what it did there is to be
   *  undone. True when it was one. */
  cancelQueued(work: WorkId): boolean {
    const again = this.#queue.find((one) => one.work === work && one.recorded.length > 0);
    if (again !== undefined) {
      this.#cancelled.add(work);
      return true;
    }
    const frame = takeOut(this.#queue, work) ?? takeOut(this.#reads, work);
    if (frame === undefined) return false;
    const what = `${frame.read ? 'read' : 'turn'} ${this.#name}.${frame.method}`;
    const reason = troupeError('CANCELLED', `${what} was cancelled before it began`);
    this.#host.emit({ kind: 'turn-done', work, outcome: failed(reason), sends: [] });
    return true;
  }

  /** What has not begun will not begin here: their works, in order. */
  giveBack(): readonly WorkId[] {
    this.#cancelled.clear();
    return this.#queue.splice(0).map(({ work }) => work);
  }

  get #mayBegin(): boolean {
    return this.#reads.length > 0 || (this.#queue.length > 0 && this.#running === undefined);
  }

  #join(): void {
    if (this.#inLine || !this.#mayBegin) return;
    this.#inLine = true;
    this.#host.turnstile.join(this);
  }

  #turn(frame: TurnFrame): void {
    const { emit, after, wall } = this.#host;
    const { timer } = frame;
    if (timer !== undefined && !this.#timers.isPending(timer)) {
      return emit({ ...skippedTurn, work: frame.work });
    }
    let plain = true;
    const measured = this.#host.turnMeter?.begin();
    let committed: TurnDone | undefined;
    const work: Work = new Work(frame, {
      name: `turn ${this.#name}.${frame.method}`,
      emit,
      after,
      onCommit: (value) => {
        committed = this.#commit(frame, scope, value);
      },
      onEnd: (outcome) => {
        this.#host.works.delete(frame.work);
        this.#running = undefined;
        emit(withUse(committed ?? this.#discard(frame, scope, outcome), measured));
        if (!plain) this.#join();
      },
      onFail: (failing, reason) => {
        if (!hasUndo(failing)) return undefined;
        const { callId } = frame;
        const actor = sameActor(frame.actor);
        return undoAll(failing, emit, { actor, callId, limitMs: failing.limitMs, reason });
      },
      onWaits: () => {
        this.#host.works.delete(frame.work);
        this.#running = undefined;
        this.#held.discard(scope.draft);
        this.#waits = true;
        this.#queue.length = 0;
        emit({ kind: 'turn-waits', work: frame.work, ordinals: work.departures.openOrdinals });
      },
    });
    const checkMethod = (name: string, what = 'a timer'): void => this.#checkMethod(name, what);
    const timers = () => this.#timers.begin(timer, { checkMethod, wall });
    const scope = new TurnScope(frame, { held: this.#held, timers, work, emit, checkMethod });
    const stream = new Stream(work, emit, frame.yielded);
    work.stream = stream;
    this.#running = work;
    this.#host.works.set(frame.work, work);
    if (this.#cancelled.delete(frame.work)) work.cancel();
    const { to } = timer ?? {};
    if (to === undefined) {
      work.run(() => {
        const came = this.#method(frame)(scope, ...argsOf(frame));
        return isGenerated(came) ? runOut(came, stream) : came;
      });
    }
    // A delayed send whose time has come: no user code runs.
    else work.run(() => void scope.sends.push({ ...to, method: frame.method, args: frame.args }));
    plain = false;
    if (!work.ended) measured?.goesOn(this.#host.works.size === 1);
  }

  /** Makes what a turn did the state; throws when that cannot be recorded. */
  #commit({ work, timer }: TurnFrame, scope: TurnScope, value: unknown): TurnDone {
    const reply = encodePayload(value, 'reply');
    const { sends } = scope;
    const timers = scope.timerChanges;
    const delta = this.#held.commit(scope.draft, deltaBytesLeft(reply, sends, timers));
    this.#timers.commit(timer, timers);
    const outcome = { ok: true, value: reply } as const;
    const bare = { kind: 'turn-done', work, outcome, sends } as const;
    const done = timers.length === 0 ? bare : { ...bare, timers };
    return delta === undefined ? done : { ...done, delta };
  }

  /** A turn that failed has done nothing (A2). */
  #discard({ work, timer }: TurnFrame, scope: TurnScope, outcome: Outcome): TurnDone {
    this.#held.discard(scope.draft);
    // A firing counts whatever it came to.
    this.#timers.commit(timer, []);
    return { kind: 'turn-done', work, outcome, sends: [] };
  }

  #read(frame: TurnFrame): void {
    const { emit, after } = this.#host;
    const measured = this.#host.turnMeter?.begin();
    const work: Work = new Work(frame, {
      name: `read ${this.#name}.${frame.method}`,
      emit,
      after,
      onEnd: (outcome, value) => {
        this.#host.works.delete(frame.work);
        const told = this.#readOutcome(outcome, value);
        const done = { kind: 'turn-done', work: frame.work, outcome: told, sends: [] } as const;
        emit(withUse(done, measured));
      },
    });
    this.#host.works.set(frame.work, work);
    const scope = new ReadScope(frame, { held: this.#held, timers: this.#timers, work, emit });
    work.run(() => this.#method(frame)(scope, ...argsOf(frame)));
    if (!work.ended) measured?.goesOn(this.#host.works.size === 1);
  }

  #readOutcome(outcome: Outcome, value: unknown): Outcome {
    if (!outcome.ok) return explainWrite(outcome);
    try {
      const reply = encodePayload(value, 'reply');
      // Beside a turn a changed leaf may be the turn's doing, and is found when that ends.
      if (this.#running === undefined) this.#held.checkLeaves();
      return { ok: true, value: reply };
    } catch (thrown) {
      return failed(thrown);
    }
  }

  /** That a timer or a topic may run it. */
  #checkMethod(method: string, what: string): void {
    const { methods, name } = this.#definition;
    if (Object.hasOwn(methods, method)) return;
    throw troupeError('UNKNOWN_METHOD', `actor type ${name} has no method ${method} for ${what}`);
  }

  #method(frame: TurnFrame): Method {
    const { methods, reads, health, name } = this.#definition;
    if (frame.read && frame.method === healthMethod && health !== undefined) {
      return health as Method;
    }
    const table = frame.read ? reads : methods;
    if (!Object.hasOwn(table, frame.method)) {
      const kind = frame.read ? 'read' : 'method';
      throw troupeError('UNKNOWN_METHOD', `actor type ${name} has no ${kind} ${frame.method}`);
    }
    return table[frame.method] as Method;
  }
}

/** What has not begun, out of where it waits. */
function takeOut(waiting: TurnFrame[], work: WorkId): TurnFrame | undefined {
  const at = waiting.findIndex((frame) => frame.work === work);
  return at < 0 ? undefined : waiting.splice(at, 1)[0];
}

function withUse(done: TurnDone, measured: MeasuredTurn | undefined): TurnDone {
  const cpuMs = measured?.end();
  return cpuMs === undefined ? done : { ...done, cpuMs };
}

/** A state of an earlier version, as this one has it. */
function migrated(definition: AnyActorDefinition, state: unknown, from: number): unknown {
  const { name, version = 1, migrate } = definition;
  if (migrate === undefined) {
    const what = `actor type ${name} has version ${version} and no migrate function`;
    throw troupeError('USER_ERROR', `${what} for a state of version ${from}`);
  }
  const made = migrate(state, from);
  if (made !== undefined && !(made instanceof Promise)) return made;
  const what = made === undefined ? 'nothing' : 'a promise';
  throw troupeError('USER_ERROR', `migrate of actor type ${name} returned ${what}, not a state`);
}

/** Reply, letters, timers and delta of a turn are one record: what the others leave for the last. */
function deltaBytesLeft(
  reply: Bytes,
  sends: readonly OutgoingSend[],
  timers: readonly TimerChange[],
): number {
  let bytes = reply.length;
  for (const { type, key, method, args } of sends) {
    bytes += args.length + 3 * (type.length + key.length + method.length) + letterBytes;
  }
  for (const change of timers) bytes += bytesOfTimer(change);
  if (bytes > limits.turnBytesMax) {
    const what = `reply, letters and timers of the turn have ${bytes} bytes together`;
    throw troupeError('TOO_LARGE', what, { bytes, bytesMax: limits.turnBytesMax });
  }
  return Math.min(limits.deltaBytesMax, limits.turnBytesMax - bytes);
}

function bytesOfTimer(change: TimerChange): number {
  if (change.kind === 'cancel') return letterBytes + 3 * change.name.length;
  const { args, method, name = '', to, when } = change;
  const names = method.length + name.length + (to?.type.length ?? 0) + (to?.key.length ?? 0);
  const schedule = when.kind === 'cron' ? when.cron.length + when.zone.length : 0;
  return args.length + 3 * (names + schedule) + letterBytes;
}

function argsOf(frame: TurnFrame): readonly unknown[] {
  const args = decodeValue(frame.args);
  if (Array.isArray(args)) return args;
  throw troupeError('INVALID_ARGUMENT', `the arguments of ${frame.method} are not an array`);
}

/** A read that writes fails by the frozen state; says so in words. */
function explainWrite(outcome: Outcome): Outcome {
  if (outcome.ok || outcome.failure.code !== 'USER_ERROR') return outcome;
  const { message } = outcome.failure;
  if (!/^TypeError: Cannot (assign|add|delete|set)|read.only|not extensible/.test(message)) {
    return outcome;
  }
  const text = `a read cannot change the state (${message})`;
  return { ok: false, failure: failureOfUser(troupeError('USER_ERROR', text)) };
}
