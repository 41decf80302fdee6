/**
 * Every call that a client waits for, from its arrival to its one answer.
 *
 * O1  a call is answered at most once, and then forgotten here.
 * O2  first sends to one actor leave in the order in which the calls arrived.
 * O3  a call is sent anew only when the leader has said where: it tells the node first, so that the
 *     call does not overtake the placement (the journal alone would be too early).
 * O4  a call that was never sent to a node surely did nothing, and is refused as such; one that was
 *     sent and got no answer ends as OUTCOME_UNKNOWN.
 * O5  nothing that was opened before a standstill of this process is sent after it.
 * O6  a failure counts only from the latest placement that the call was sent to: what an earlier one
 *     refused, the later one may run.
 * O7  a call of one birth goes to that birth alone, and creates nothing. What its actor said to be unrun
 *     when it was destroyed counts as never sent.
 * O8  a call under an idempotency key has the answers to what it asks for, and to nothing else that was asked for under
 *     that key here: which of them the key names the actor alone knows.
 *
 * Everything here may be lost or repeated: the actor remembers a session's numbers with their
 * replies. There are no timers of single calls; one sweep resends, and one short timer serves all
 * actors whose node said `not-here`.
 *
 *     open ──route known──▶ sent ──call-result──▶ answered
 *       │                    │ ▲
 *       └──resolve──▶ wait ◀─┘ └─ sent again: sweep, new route, connection back
 *                   (not-here, node lost)
 */
import type { Bus, Clock } from '@troupe/fabric';
import {
  type ActorId,
  type Address,
  type Call,
  type Caller,
  type CallResult,
  errorTable,
  type Failure,
  failure,
  type Incarnation,
  isFailure,
  keySessionPrefix,
  type Located,
  type NotHere,
  nameOfCaller,
  type Outcome,
  ownText,
  type Resolve,
  type SessionId,
} from '@troupe/model';
import {
  bothSinks,
  type CallSink,
  expiryOf,
  givenUp,
  isUnrun,
  type NewCall,
  type OpenCall,
  ofGone,
  type Target,
} from './open-call.ts';
import type { Route, Routes } from './routes.ts';
import type { Standstill } from './standstill.ts';

export interface OpenCallsStart {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly routes: Routes;
  readonly standstill: Standstill;
  readonly replyTo: Address;
  readonly resendMs: number;
  readonly resolve: (message: Resolve) => void;
}

export interface CallCounts {
  opened: number;
  answered: number;
  resent: number;
  resolves: number;
  unknown: number;
}

const backoffMsMin = 20;
const backoffMsMax = 1_000;

export class OpenCalls {
  readonly #start: OpenCallsStart;
  /** By `nameOfCaller`. */
  readonly #sessions = new Map<string, Map<number, OpenCall>>();
  readonly #targets = new Map<ActorId, Target>();
  /** Targets whose `askAt` comes before the next sweep. */
  readonly #backingOff = new Set<Target>();
  #cancelBackoff: (() => void) | undefined;
  #cancelSweep: (() => void) | undefined;
  #size = 0;
  readonly counts: CallCounts = { opened: 0, answered: 0, resent: 0, resolves: 0, unknown: 0 };

  constructor(start: OpenCallsStart) {
    this.#start = start;
    this.#armSweep();
  }

  get size(): number {
    return this.#size;
  }

  /** True when this session waits for an answer here. */
  has(session: SessionId): boolean {
    return this.#sessions.has(session);
  }

  /** Least open number of the session at this actor; undefined when there is none. */
  lowOf(session: SessionId, actor: ActorId): number | undefined {
    for (const call of this.#targets.get(actor)?.calls ?? []) {
      if (call.session === session) return call.number;
    }
    return undefined;
  }

  open(call: NewCall): void {
    const name = nameOfCaller(call);
    const numbers = this.#sessions.get(name) ?? this.#newSession(name);
    const known = numbers.get(call.number);
    if (known !== undefined) {
      this.#again(known, call);
      return;
    }
    const target = this.#targets.get(call.actor) ?? this.#newTarget(call.actor);
    const { session, number, low, actor, method, args, scope, birth, priority } = call;
    const { deadlineAt, runMs, sink } = call;
    const open: OpenCall = {
      session,
      number,
      low,
      actor,
      method,
      args,
      scope,
      birth,
      priority,
      deadlineAt,
      runMs,
      sink,
      target,
      sentAt: 0,
      sentEpoch: 0,
      ...(call.print === undefined ? {} : { print: call.print }),
      ...(call.atTurn === undefined ? {} : { atTurn: call.atTurn }),
      ...(call.from === undefined ? {} : { from: call.from }),
    };
    numbers.set(number, open);
    target.calls.add(open);
    this.#size++;
    this.counts.opened++;
    if (target.route !== undefined) this.#send(open, target.route, this.#start.clock.now());
    // A call by name may create what those before it may not.
    else if (target.calls.size === 1 || (birth === undefined && !target.byName)) {
      this.#resolve(target);
    }
  }

  /** The client no longer waits; whoever has the call is told. */
  cancel(session: SessionId, number: number): void {
    const call = this.#sessions.get(session)?.get(number);
    if (call === undefined) return;
    if (call.sentAt === 0) {
      const text = `call ${number} of ${call.actor} was cancelled before it was sent to a node`;
      this.#answer(call, { ok: false, failure: failure('CANCELLED', text) });
      return;
    }
    // Only its node knows whether it ran: it is told until it says so, also when the client waits no longer for that.
    call.cancelled = true;
    const { route } = call.target;
    if (route !== undefined) this.#send(call, route, this.#start.clock.now());
  }

  /** The stream behind `sink` is gone: its client asks again elsewhere, under the same numbers. */
  forget(caller: Pick<Caller, 'session' | 'print'>, sink: CallSink): void {
    const numbers = this.#sessions.get(nameOfCaller(caller));
    if (numbers === undefined) return;
    for (const call of [...numbers.values()]) if (call.sink === sink) this.#remove(call);
  }

  onResult(result: CallResult): void {
    const call = this.#callOf(result);
    if (call === undefined || call.actor !== result.actor) return;
    // To whom it was said that did not take, or did.
    if (result.outcome.ok && (result.taking === true) !== (call.from !== undefined)) return;
    call.target.backoffMs = 0;
    // To us it has time left: it is our clock that stood still, and all that was asked is older.
    if (result.lateMs !== undefined && call.deadlineAt > this.#start.clock.now()) {
      this.#start.standstill.found(`a node says that its call came ${result.lateMs} ms too late`);
    }
    if (!result.outcome.ok && (result.epoch ?? call.sentEpoch) < call.sentEpoch) return;
    this.#answer(call, result.outcome);
  }

  onNotHere(refusal: NotHere): void {
    const call = this.#callOf(refusal);
    const isLast = call?.actor === refusal.actor && call.sentEpoch === refusal.epoch;
    if (refusal.unrun === true && isLast) call.sentAt = 0;
    const target = this.#targets.get(refusal.actor);
    const route = target?.route;
    // An answer to an older send says nothing about the route of today.
    if (target === undefined || route === undefined || route.epoch !== refusal.epoch) return;
    target.route = undefined;
    target.refusedEpoch = refusal.epoch;
    this.#askLater(target);
  }

  onLocated(answer: Located): void {
    const target = this.#targets.get(answer.actor);
    if (!isFailure(answer.location)) {
      // The leader stands by a placement that was refused, and has told the node again.
      if (target?.refusedEpoch === answer.location.epoch) target.refusedEpoch = undefined;
      this.#start.routes.learn(ownText(answer.actor), answer.location);
      if (target === undefined) return;
      target.asked = false;
      if (target.route === undefined) this.#useTable(target);
      return;
    }
    if (target === undefined || target.route !== undefined) return;
    target.asked = false;
    if (answer.location.code === 'GONE') return this.#onGone(target, answer.location);
    if (errorTable[answer.location.code].retryable) {
      target.reason = answer.location;
      return;
    }
    // Calls already sent once may have taken effect; their fate is not the leader's to tell.
    const outcome: Outcome = { ok: false, failure: answer.location };
    for (const call of [...target.calls]) if (isUnrun(call)) this.#answer(call, outcome);
  }

  /** Of one birth; calls of a later one, or by name, ask for themselves. */
  #onGone(target: Target, { details }: Failure): void {
    for (const call of [...target.calls]) {
      if (call.birth === undefined || call.birth > Number(details?.['birth'])) continue;
      this.#answer(call, { ok: false, failure: ofGone(call) });
    }
    if (target.calls.size > 0) this.#resolve(target);
  }

  /** From the routing table: the actor has a new place. The leader tells when it may be used. */
  onPlaced(actor: ActorId, route: Route): void {
    const target = this.#targets.get(actor);
    if (target === undefined || target.route === route) return;
    target.route = undefined;
    if (!target.asked) this.#resolve(target);
  }

  /** From the routing table: nobody answers there any more; the leader places its actors anew and
   *  answers then. */
  onNodeLost(incarnation: Incarnation): void {
    for (const target of this.#targets.values()) {
      if (target.route?.node.incarnation !== incarnation) continue;
      target.route = undefined;
      this.#resolve(target);
    }
  }

  /** Our own connection is back: whatever was under way may have been lost. */
  onConnected(): void {
    const now = this.#start.clock.now();
    for (const target of this.#targets.values()) {
      if (target.route === undefined) this.#resolve(target);
      else for (const call of [...target.calls]) this.#send(call, target.route, now);
    }
  }

  /** A new leader knows nothing of what was asked of the old one. */
  askAgain(): void {
    for (const target of this.#targets.values()) {
      if (target.route === undefined) this.#resolve(target);
    }
  }

  /** This process stood still: what is open is of another time (O5). */
  giveUpAll(): void {
    for (const numbers of [...this.#sessions.values()]) {
      for (const call of [...numbers.values()]) {
        this.#answer(call, { ok: false, failure: givenUp(call) });
      }
    }
  }

  stop(): void {
    this.#cancelSweep?.();
    this.#cancelBackoff?.();
  }

  #again(known: OpenCall, call: NewCall): void {
    if ((known.from === undefined) !== (call.from === undefined)) {
      const text = `call ${call.number} of ${call.actor} is asked for as a stream, or as a whole, here`;
      return call.sink.answered(call.number, { ok: false, failure: failure('WRONG_STATE', text) });
    }
    if (known.from !== undefined && call.from !== undefined && call.from < known.from) {
      known.from = call.from;
      const { route } = known.target;
      if (route !== undefined) this.#send(known, route, this.#start.clock.now());
    }
    if (known.sink !== call.sink) known.sink = bothSinks(known.sink, call.sink);
    known.low = Math.max(known.low, call.low);
  }

  /** An older node does not say what it answers: of several under one key it is none. */
  #callOf(answer: CallResult | NotHere): OpenCall | undefined {
    const { actor, session, number, print } = answer;
    const call = this.#sessions.get(nameOfCaller(answer))?.get(number);
    if (call !== undefined || print !== undefined || !session.startsWith(keySessionPrefix)) {
      return call;
    }
    const calls = this.#targets.get(actor)?.calls ?? [];
    const [first, ...others] = [...calls].filter((open) => open.session === session);
    return others.length === 0 ? first : undefined;
  }

  #newSession(session: string): Map<number, OpenCall> {
    const numbers = new Map<number, OpenCall>();
    this.#sessions.set(session, numbers);
    return numbers;
  }

  #newTarget(actor: ActorId): Target {
    const target: Target = {
      actor,
      calls: new Set(),
      route: this.#start.routes.of(actor),
      refusedEpoch: undefined,
      asked: false,
      askAt: 0,
      backoffMs: 0,
      reason: undefined,
      byName: false,
    };
    this.#targets.set(actor, target);
    return target;
  }

  #send(call: OpenCall, route: Route, now: number): void {
    const { birth = route.birth, priority } = call;
    if (birth < route.birth) return this.#answer(call, { ok: false, failure: ofGone(call) });
    // The route is that of the one before.
    if (birth > route.birth) return this.#resolve(call.target);
    if (call.cancelled) {
      const { actor, session, number } = call;
      this.#start.bus.send(route.node.subject, { kind: 'cancel-call', actor, session, number });
    }
    if (call.sentAt > 0) this.counts.resent++;
    call.sentAt = now;
    call.sentEpoch = Math.max(call.sentEpoch, route.epoch);
    const message: Call = {
      kind: 'call',
      actor: call.actor,
      birth: route.birth,
      epoch: route.epoch,
      method: call.method,
      args: call.args,
      caller: callerOf(call),
      replyTo: this.#start.replyTo,
      sentAt: now,
      deadlineAt: call.deadlineAt,
      standstills: this.#start.standstill.count,
      path: noPath,
      ...(priority === undefined || priority === 'normal' ? {} : { priority }),
      ...(call.atTurn === undefined ? {} : { atTurn: call.atTurn }),
      ...(call.from === undefined ? {} : { from: call.from }),
      ...(call.cancelled ? { cancelled: true } : {}),
    };
    this.#start.bus.send(route.node.subject, message);
  }

  #useTable(target: Target): void {
    const route = this.#start.routes.of(target.actor);
    if (route === undefined) return;
    if (target.refusedEpoch !== undefined && route.epoch <= target.refusedEpoch) return;
    this.#follow(target, route);
  }

  #follow(target: Target, route: Route): void {
    target.route = route;
    target.reason = undefined;
    this.#backingOff.delete(target);
    const now = this.#start.clock.now();
    for (const call of [...target.calls]) this.#send(call, route, now);
  }

  #resolve(target: Target): void {
    this.counts.resolves++;
    this.#backingOff.delete(target);
    target.asked = true;
    target.askAt = this.#start.clock.now() + this.#start.resendMs;
    const [first] = target.calls;
    const ofBirth = birthOf(target);
    target.byName = ofBirth.birth === undefined;
    const message: Resolve = {
      kind: 'resolve',
      actor: target.actor,
      replyTo: this.#start.replyTo,
      ...(first === undefined || first.scope === '' ? {} : { scope: first.scope }),
      ...(target.refusedEpoch === undefined ? {} : { refusedEpoch: target.refusedEpoch }),
      ...ofBirth,
    };
    this.#start.resolve(message);
  }

  #askLater(target: Target): void {
    target.backoffMs = Math.min(Math.max(backoffMsMin, target.backoffMs * 2), backoffMsMax);
    target.askAt = this.#start.clock.now() + target.backoffMs;
    this.#backingOff.add(target);
    this.#cancelBackoff ??= this.#start.clock.after(backoffMsMin, () => this.#endBackoff());
  }

  #endBackoff(): void {
    this.#cancelBackoff = undefined;
    const now = this.#start.clock.now();
    for (const target of this.#backingOff) if (target.askAt <= now) this.#resolve(target);
    if (this.#backingOff.size === 0) return;
    this.#cancelBackoff = this.#start.clock.after(backoffMsMin, () => this.#endBackoff());
  }

  #armSweep(): void {
    // Four times as often as calls are resent: a call waits at most a quarter longer.
    this.#cancelSweep = this.#start.clock.after(this.#start.resendMs / 4, () => {
      this.#sweep();
      this.#armSweep();
    });
  }

  #sweep(): void {
    this.#start.standstill.look();
    const now = this.#start.clock.now();
    for (const target of this.#targets.values()) {
      this.#expire(target, now);
      const { route } = target;
      if (route === undefined) {
        if (target.calls.size > 0 && target.askAt <= now) this.#resolve(target);
        continue;
      }
      const due = now - this.#start.resendMs;
      for (const call of [...target.calls]) {
        if (call.sentAt <= due) this.#send(call, route, now);
      }
    }
  }

  #expire(target: Target, now: number): void {
    for (const call of target.calls) {
      const reason = expiryOf(call, now);
      if (reason === undefined) continue;
      if (reason.code === 'OUTCOME_UNKNOWN') this.counts.unknown++;
      this.#answer(call, { ok: false, failure: reason });
    }
  }

  #answer(call: OpenCall, outcome: Outcome): void {
    if (!this.#remove(call)) return;
    this.counts.answered++;
    call.sink.answered(call.number, outcome);
  }

  /** False when it was gone already. */
  #remove(call: OpenCall): boolean {
    const name = nameOfCaller(call);
    const numbers = this.#sessions.get(name);
    if (numbers?.delete(call.number) !== true) return false;
    if (numbers.size === 0) this.#sessions.delete(name);
    this.#size--;
    const { target } = call;
    target.calls.delete(call);
    if (target.calls.size > 0) return true;
    this.#targets.delete(target.actor);
    this.#backingOff.delete(target);
    return true;
  }
}

/** The latest birth that is asked for, when nobody asks by name. */
function birthOf({ calls }: Target): { readonly birth?: number } {
  let latest = 0;
  for (const { birth } of calls) {
    if (birth === undefined) return {};
    latest = Math.max(latest, birth);
  }
  return latest === 0 ? {} : { birth: latest };
}

function callerOf({ session, number, low, print }: OpenCall): Caller {
  return { session, number, low, ...(print === undefined ? {} : { print }) };
}

const noPath: readonly ActorId[] = [];
