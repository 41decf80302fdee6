/**
 * Awaited calls that turns and tasks of this node make to actors: sent again under the same number
 * until answered. A turn's number is its turn number and ordinal, so the same call gets the same
 * number when the turn runs again elsewhere, and the receiver answers it from its window.
 *
 * A task's number counts how often it asked the same: its next attempt gets the recorded answers to
 * what it asks again, and whatever it asks differently is a call of its own.
 *
 * G1  a turn's call leaves after its record; its result reaches the turn's record before anything
 *     that depends on it leaves.
 * G2  what a call came to belongs to the turn that made it: with its end all its calls are closed, and whom
 *     it still called is told, until that has answered, wherever it goes meanwhile.
 * G3  what a task had asked for and not awaited is cancelled when no other attempt of it follows: that would ask
 *     for it again, under the same number.
 */
import {
  type ActorId,
  actorId,
  actorParts,
  type BundleHash,
  type Call,
  type CallResult,
  type Failure,
  type FromRunner,
  failure,
  fingerprint,
  type Incarnation,
  isFailure,
  type Location,
  limits,
  type NotHere,
  nodeAddress,
  type Outcome,
  type RunTask,
  type SessionId,
  sessionId,
  tickClock,
  type VectorClock,
} from '@troupe/model';
import { type Activation, incarnationOf } from './activation.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';
import { actorSessionPrefix } from './sessions.ts';

type CallOut = Extract<FromRunner, { kind: 'call-out' }>;

export interface OutgoingCall {
  /** Session of the actor or the task that calls, whatever session its calls go out under. */
  readonly owner: SessionId;
  readonly session: SessionId;
  readonly number: number;
  readonly to: ActorId;
  readonly method: string;
  readonly args: CallOut['args'];
  /** Monotonic ms of this node. */
  readonly deadlineAt: number;
  /** How long an accepted call may run. */
  readonly runMs: number;
  readonly path: readonly ActorId[];
  readonly scope: string | undefined;
  readonly clock: VectorClock | undefined;
  readonly ordinal: number;
  readonly name: string;
  readonly priority: CallOut['priority'];
  /** The actor whose turn calls; undefined for a task. */
  readonly activation: Activation | undefined;
  work: number;
  runner: RunnerId;
  sentTo: Incarnation | undefined;
  /** Of the latest placement that it was sent to. */
  sentEpoch: number;
  sentAt: number;
  /** Nobody waits for it here, and its callee has not answered yet (G2). */
  cancelled: boolean;
}

/** Ordinals of one turn lie below this, so a number tells turn and ordinal. */
const numbersPerTurn = limits.turnStepsMax + 1;
/** An answer that has not come so long after the deadline, and the time an accepted call may run, is
 *  unknown. */
const answerGraceMs = 45_000;

export class OutgoingCalls {
  readonly #core: Core;
  readonly #open = new Map<string, OutgoingCall>();
  readonly #byOwner = new Map<SessionId, Set<OutgoingCall>>();
  /** How often each running task has asked the same. */
  readonly #askedByTasks = new Map<SessionId, Map<string, number>>();

  constructor(core: Core) {
    this.#core = core;
  }

  onTurnCall(frame: CallOut, runner: RunnerId): void {
    const turn = this.#core.turns.turnOf(frame.work);
    if (turn === undefined || turn.read) return;
    const { activation } = turn;
    const begun = this.#core.turns.begin(turn);
    const { work, ordinal, name } = frame;
    const session = sessionOf(activation);
    const number = begun.seq * numbersPerTurn + ordinal;
    const known = this.#open.get(keyOf(session, number));
    if (known !== undefined && !known.cancelled) {
      known.work = work;
      known.runner = runner;
      return;
    }
    const recorded = begun.recorded.find((one) => one.ordinal === ordinal);
    if (recorded?.outcome !== undefined) {
      // It came back while the turn was being run again.
      const { outcome } = recorded;
      return this.#core.runners.frame(runner, { kind: 'call-returned', work, ordinal, outcome });
    }
    if (recorded === undefined) {
      this.#core.turns.record(activation, { ordinal, kind: 'call', name });
    }
    this.#start({
      owner: session,
      session,
      number,
      to: actorId(actorParts(activation.id).tenant, frame.type, frame.key),
      method: frame.method,
      args: frame.args,
      deadlineAt: this.#core.now + frame.deadlineMs,
      runMs: this.#runMs(activation.bundle, frame.type),
      path: [...turn.input.path, activation.id],
      scope: activation.scope,
      clock: clockOf(activation, begun.seq),
      priority: frame.priority,
      ordinal,
      name,
      activation,
      work,
      runner,
      sentTo: undefined,
      sentEpoch: 0,
      sentAt: this.#core.now,
      cancelled: false,
    });
  }

  onTaskCall(frame: CallOut, runner: RunnerId, task: RunTask): void {
    const print = fingerprint(frame.name, frame.args);
    const owner = sessionOf(task);
    const asked = this.#askedByTasks.get(owner) ?? new Map<string, number>();
    const number = (asked.get(print) ?? 0) + 1;
    this.#askedByTasks.set(owner, asked.set(print, number));
    this.#start({
      owner,
      session: sessionId(`${owner}:${print}`),
      number,
      to: actorId(task.tenant, frame.type, frame.key),
      method: frame.method,
      args: frame.args,
      deadlineAt: this.#core.now + frame.deadlineMs,
      runMs: this.#runMs(task.bundle, frame.type),
      path: [],
      scope: task.scope,
      clock: undefined,
      priority: frame.priority,
      ordinal: frame.ordinal,
      name: frame.name,
      activation: undefined,
      work: frame.work,
      runner,
      sentTo: undefined,
      sentEpoch: 0,
      sentAt: this.#core.now,
      cancelled: false,
    });
  }

  onResult(result: CallResult): void {
    const call = this.#open.get(keyOf(result.session, result.number));
    if (call === undefined) return;
    if (!result.outcome.ok && (result.epoch ?? call.sentEpoch) < call.sentEpoch) return;
    const clock = result.scope === call.scope ? result.clock : undefined;
    this.#settle(call, result.outcome, clock);
    const { activation, clock: asked } = call;
    if (activation === undefined || asked === undefined) return;
    this.#core.peerClocks.onResult(activation, result, asked);
  }

  onNotHere(refusal: NotHere): void {
    const { actor, epoch, session, number } = refusal;
    const call = this.#open.get(keyOf(session, number));
    if (call === undefined) return this.#core.locations.refused(actor, epoch);
    call.sentTo = undefined;
    const wait = { of: `refused ${keyOf(session, number)}`, scope: call.scope };
    this.#core.locations.findLater({ actor, epoch }, wait, (isLater) => {
      if (isLater && call.sentTo === undefined) this.#send(call);
    });
  }

  /** The turn has ended for good: what it had asked for and not awaited is cancelled (G2). */
  close(activation: Activation): void {
    for (const call of this.#byOwner.get(sessionOf(activation)) ?? []) this.#cancel(call);
    this.abandon(activation);
  }

  /** No attempt will ask for these again (G3). */
  cancel(calls: readonly OutgoingCall[]): void {
    for (const call of calls) this.#cancel(call);
  }

  /** Nobody waits here for the calls of this turn or task any more. Those that were open. */
  abandon(caller: Activation | RunTask): readonly OutgoingCall[] {
    if (this.#open.size === 0 && this.#askedByTasks.size === 0) return [];
    const owner = sessionOf(caller);
    this.#askedByTasks.delete(owner);
    const calls = this.#byOwner.get(owner);
    if (calls === undefined) return [];
    this.#byOwner.delete(owner);
    for (const call of calls) this.#open.delete(keyOf(call.session, call.number));
    return [...calls];
  }

  /** These calls of a turn have lost a race: their callees are told, nobody hears them. */
  lose(activation: Activation, ordinals: readonly number[]): void {
    for (const call of this.#byOwner.get(sessionOf(activation)) ?? []) {
      if (ordinals.includes(call.ordinal)) this.#cancel(call);
    }
  }

  onNodeGone(node: Incarnation): void {
    for (const call of this.#open.values()) {
      if (call.sentTo !== node) continue;
      call.sentTo = undefined;
      this.#send(call);
    }
  }

  /** Every `resendMs`: sends again what was not answered, gives up what is long overdue. */
  tick(): void {
    for (const call of this.#open.values()) {
      // Without a place nobody works on it; a turn on a living node ends by its own limit.
      const patience = answerGraceMs + (call.sentTo === undefined ? 0 : call.runMs);
      if (this.#core.now > call.deadlineAt + patience) {
        const text = `${call.name} was not answered by its deadline`;
        this.#settle(call, { ok: false, failure: failure('OUTCOME_UNKNOWN', text) }, undefined);
      } else if (this.#core.now - call.sentAt >= this.#core.config.resendMs) {
        this.#core.locations.doubt(call.to);
        this.#send(call);
      }
    }
  }

  /** It is no more of those that its caller waits for. What was never sent is not known to anybody. */
  #cancel(call: OutgoingCall): void {
    const { session, number, to, sentTo, sentEpoch } = call;
    this.#byOwner.get(call.owner)?.delete(call);
    call.cancelled = sentEpoch > 0;
    const key = keyOf(session, number);
    if (call.cancelled) this.#open.set(key, call);
    else this.#open.delete(key);
    if (sentTo === undefined) return;
    const message = { kind: 'cancel-call', actor: to, session, number } as const;
    this.#core.out.send({ kind: 'to-node', node: sentTo, message });
  }

  #start(call: OutgoingCall): void {
    this.#open.set(keyOf(call.session, call.number), call);
    const calls = this.#byOwner.get(call.owner) ?? new Set();
    this.#byOwner.set(call.owner, calls.add(call));
    this.#send(call);
  }

  /** The limit of the called turn and what it may wait, if it is of a type known here. */
  #runMs(bundle: BundleHash, type: string): number {
    const { runners } = this.#core;
    const limitMs = runners.turnLimitMs(bundle, type) ?? limits.turnLimitMs;
    return limitMs + runners.waitsMs(bundle, type);
  }

  #send(call: OutgoingCall): void {
    call.sentAt = this.#core.now;
    const key = keyOf(call.session, call.number);
    this.#core.locations.find(call.to, { of: `call ${key}`, scope: call.scope }, (place) => {
      if (this.#open.get(key) !== call) return;
      if (isFailure(place)) this.#unplaced(call, place);
      else this.#sendTo(call, place);
    });
  }

  #sendTo(call: OutgoingCall, place: Location): void {
    call.sentTo = place.node;
    call.sentEpoch = Math.max(call.sentEpoch, place.epoch);
    const { activation } = call;
    const message: Call = {
      kind: 'call',
      actor: call.to,
      birth: place.birth,
      epoch: place.epoch,
      method: call.method,
      args: call.args,
      caller: { session: call.session, number: call.number, low: this.#low(call) },
      replyTo: nodeAddress(this.#core.config.incarnation),
      sentAt: this.#core.now,
      deadlineAt: call.deadlineAt,
      // A node that stood still for long is fenced, and starts as another one.
      standstills: 0,
      path: call.path,
      ...(call.priority === undefined ? {} : { priority: call.priority }),
      ...(call.cancelled ? { cancelled: true } : {}),
      ...(call.scope === undefined ? {} : { scope: call.scope }),
      ...(activation === undefined ? {} : this.#known(call, activation, place)),
      ...(activation === undefined ? {} : incarnationOf(activation)),
    };
    this.#core.out.send({ kind: 'to-node', node: place.node, message });
  }

  /** Its clock, as far as that says anything to its receiver. */
  #known(
    { to, clock }: OutgoingCall,
    activation: Activation,
    { birth }: Location,
  ): Pick<Call, 'clock' | 'heard'> {
    if (clock === undefined) return {};
    const receiver = { actor: to, birth };
    const { peerClocks } = this.#core;
    const rest = peerClocks.restFor(activation, receiver, clock);
    return { clock: rest, ...peerClocks.heardFrom(activation, receiver) };
  }

  /**
   * Least number still open at the same actor. What a turn has been answered stands in its log; what
   * a task has been answered does not, and its next attempt asks again from the first.
   */
  #low(call: OutgoingCall): number {
    if (call.activation === undefined) return 1;
    let low = call.number;
    for (const other of this.#byOwner.get(call.owner) ?? []) {
      if (other.to === call.to && other.number < low) low = other.number;
    }
    return low;
  }

  /** The leader cannot place the actor: final when it says so, else tried until the deadline. */
  #unplaced(call: OutgoingCall, reason: Failure): void {
    const mayPass = reason.code === 'NO_NODES' || reason.code === 'NO_LEADER';
    if (mayPass && this.#core.now < call.deadlineAt) return;
    this.#settle(call, { ok: false, failure: reason }, undefined);
  }

  #settle(call: OutgoingCall, outcome: Outcome, clock: VectorClock | undefined): void {
    this.#open.delete(keyOf(call.session, call.number));
    if (call.cancelled) return;
    this.#byOwner.get(call.owner)?.delete(call);
    const { activation, ordinal, name, work } = call;
    if (activation !== undefined) {
      this.#core.turns.record(activation, { ordinal, kind: 'call', name, outcome }, clock);
      if (this.#core.turns.turnOf(work) === undefined) return;
    }
    if (!this.#core.runners.isUp(call.runner)) return;
    this.#core.runners.frame(call.runner, { kind: 'call-returned', work, ordinal, outcome });
  }
}

/** What is sent during a turn carries its number, though it has not ended (a line takes both or none). */
function clockOf({ id, memory }: Activation, seq: number): VectorClock | undefined {
  return memory === undefined ? undefined : tickClock(memory.clock, id, seq);
}

function sessionOf(caller: Activation | RunTask): SessionId {
  if ('task' in caller) return sessionId(`task:${caller.task}`);
  return sessionId(`${actorSessionPrefix}${caller.id}#${caller.birth}`);
}

function keyOf(session: SessionId, number: number): string {
  return `${session}|${number}`;
}
