/**
 * An actor in this process.
 *
 * A1  turns run one after another in the order in which they came; a read runs at once, on the state
 *     of the last finished turn.
 * A2  a turn that failed has changed nothing and sends nothing.
 */
import {
  type ActorId,
  actorParts,
  type Bytes,
  decodeValue,
  type FromRunner,
  limits,
  type Outcome,
  type OutgoingSend,
  sameActor,
  troupeError,
  type WorkId,
} from '@troupe/model';
import type { AnyActorDefinition } from '@troupe/sdk/internal';
import type { Emit } from './departures.ts';
import { HeldState } from './held-state.ts';
import { encodePayload, failed, failureOfUser } from './outcome.ts';
import { ReadScope, type TurnFrame, TurnScope } from './turn.ts';
import type { UseMeter } from './use-meter.ts';
import { Work } from './work.ts';

/** What a letter costs in a record beside what the user put into it. */
const letterBytes = 160;

/** A method as the runner calls it: the types were checked where it was defined. */
type Method = (c: unknown, ...args: readonly unknown[]) => unknown;

export interface Host {
  readonly emit: Emit;
  /** The works that frames of the node may address. */
  readonly works: Map<WorkId, Work>;
  readonly meter: UseMeter;
}

export class Activation {
  readonly #definition: AnyActorDefinition;
  readonly #host: Host;
  readonly #held: HeldState;
  readonly #name: string;
  readonly #queue: TurnFrame[] = [];
  #running: Work | undefined;

  /** Throws what the constructor of the state throws. */
  constructor(
    actor: ActorId,
    definition: AnyActorDefinition,
    host: Host,
    from: { readonly state?: Bytes; readonly deltas: readonly Bytes[] },
  ) {
    const { type, key } = actorParts(sameActor(actor));
    this.#definition = definition;
    this.#host = host;
    this.#name = `${type}/${key}`;
    this.#held = new HeldState(() => definition.state(key), from.state, from.deltas);
  }

  encodedState(): Bytes {
    return this.#held.encoded();
  }

  take(frame: TurnFrame): void {
    if (frame.read) {
      this.#read(frame);
      return;
    }
    this.#queue.push(frame);
    this.#drain();
  }

  /** A queued turn that is cancelled never starts; true when it was one. */
  cancelQueued(work: WorkId): boolean {
    const at = this.#queue.findIndex((frame) => frame.work === work);
    const [frame] = at < 0 ? [] : this.#queue.splice(at, 1);
    if (frame === undefined) return false;
    const reason = troupeError('CANCELLED', `turn ${this.#name}.${frame.method} was cancelled`);
    this.#host.emit({ kind: 'turn-done', work, outcome: failed(reason), sends: [] });
    return true;
  }

  #drain(): void {
    // A loop, not recursion: a batch of plain turns runs in one go.
    while (this.#running === undefined) {
      const frame = this.#queue.shift();
      if (frame === undefined) return;
      this.#turn(frame);
    }
  }

  #turn(frame: TurnFrame): void {
    const { emit } = this.#host;
    let plain = true;
    const work: Work = new Work(frame, {
      name: `turn ${this.#name}.${frame.method}`,
      emit,
      onEnd: (outcome, value) => {
        this.#host.works.delete(frame.work);
        this.#running = undefined;
        emit(this.#settle(frame.work, scope, outcome, value));
        if (!plain) this.#drain();
      },
    });
    const scope = new TurnScope(frame, this.#held, work, emit);
    this.#running = work;
    this.#host.works.set(frame.work, work);
    work.run(() => this.#method(frame)(scope, ...argsOf(frame)));
    plain = false;
  }

  /** Commits or discards what a turn did (A2). */
  #settle(work: WorkId, scope: TurnScope, outcome: Outcome, value: unknown): FromRunner {
    if (outcome.ok) {
      try {
        const reply = encodePayload(value, 'reply');
        const { sends } = scope;
        const delta = this.#held.commit(scope.draft, deltaBytesLeft(reply, sends));
        const done = { kind: 'turn-done', work, outcome: { ok: true, value: reply } } as const;
        return delta === undefined ? { ...done, sends } : { ...done, delta, sends };
      } catch (thrown) {
        this.#held.discard(scope.draft);
        return { kind: 'turn-done', work, outcome: failed(thrown), sends: [] };
      }
    }
    this.#held.discard(scope.draft);
    return { kind: 'turn-done', work, outcome, sends: [] };
  }

  #read(frame: TurnFrame): void {
    const { emit } = this.#host;
    const work: Work = new Work(frame, {
      name: `read ${this.#name}.${frame.method}`,
      emit,
      onEnd: (outcome, value) => {
        this.#host.works.delete(frame.work);
        emit({
          kind: 'turn-done',
          work: frame.work,
          outcome: this.#readOutcome(outcome, value),
          sends: [],
        });
      },
    });
    this.#host.works.set(frame.work, work);
    const scope = new ReadScope(frame, this.#held, work, emit);
    work.run(() => this.#method(frame)(scope, ...argsOf(frame)));
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

  #method(frame: TurnFrame): Method {
    const { methods, reads, name } = this.#definition;
    const table = frame.read ? reads : methods;
    if (!Object.hasOwn(table, frame.method)) {
      const kind = frame.read ? 'read' : 'method';
      throw troupeError('UNKNOWN_METHOD', `actor type ${name} has no ${kind} ${frame.method}`);
    }
    return table[frame.method] as Method;
  }
}

/** Reply, letters and delta of a turn are one record: what the first two leave for the last. */
function deltaBytesLeft(reply: Bytes, sends: readonly OutgoingSend[]): number {
  let bytes = reply.length;
  for (const { type, key, method, args } of sends) {
    bytes += args.length + 3 * (type.length + key.length + method.length) + letterBytes;
  }
  if (bytes > limits.turnBytesMax) {
    const what = `reply and letters of the turn have ${bytes} bytes together`;
    throw troupeError('TOO_LARGE', what, { bytes, bytesMax: limits.turnBytesMax });
  }
  return Math.min(limits.deltaBytesMax, limits.turnBytesMax - bytes);
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
