/**
 * The gateway of a scheduler: routes calls by the facts it follows, asks the leader where it does not
 * know, sends again until answered, and tells its clients what is known when time is up.
 *
 * O1  a call is answered at most once, and then forgotten here.
 * O4  a call that was never sent to a node from here surely did nothing through this gateway.
 */
import {
  type ActorId,
  type Address,
  type Answered,
  type Call,
  type Caller,
  type CallResult,
  errorTable,
  failure,
  gatewayAddress,
  type Incarnation,
  isFailure,
  keySessionPrefix,
  type Located,
  type Location,
  type NotHere,
  nameOfCaller,
  type Outcome,
  type Request,
  type RequestBody,
  type Resolve,
  type SaidPriority,
  type SessionId,
} from '@troupe/model';
import type { SchedulerMachine } from '@troupe/scheduler-core';
import type { Process } from '../world/process.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';
import type { AppliedFacts } from './history.ts';
import { callerUnderKey } from './keyed-caller.ts';
import { Routes } from './routes.ts';

/** What a client asks of a gateway, again and again; `since` tells one stream from the next. */
export type ClientMessage = { readonly since: number } & (
  | {
      readonly kind: 'client-call';
      readonly client: Address;
      readonly session: SessionId;
      readonly number: number;
      readonly low: number;
      readonly actor: ActorId;
      readonly method: string;
      readonly args: Uint8Array;
      /** It is the same call for whoever has the key, and its session and number only tell this client what is
       *  answered; none of a client's session without one. */
      readonly idempotencyKey?: string;
      /** Of a read of the past. */
      readonly atTurn?: number;
      /** It takes what the method yields from there on. */
      readonly from?: number;
      /** What is left of the time in which it must be accepted. */
      readonly deadlineMs: number;
      /** Of an actor that it creates. */
      readonly scope?: string;
      /** The birth that is meant, and no other. */
      readonly birth?: number | undefined;
      readonly priority?: SaidPriority | undefined;
    }
  | {
      readonly kind: 'client-request';
      readonly client: Address;
      readonly number: number;
      readonly body: RequestBody;
    }
  | {
      /** Whether it is in time is told by what the call comes to. */
      readonly kind: 'client-cancel';
      readonly client: Address;
      readonly session: SessionId;
      readonly number: number;
    }
  | { readonly kind: 'client-lives' | 'client-leaves'; readonly client: Address }
);

export type GatewayMessage = { readonly since: number } & (
  | {
      readonly kind: 'call-answered';
      readonly gateway: string;
      readonly number: number;
      readonly outcome: Outcome;
    }
  | {
      readonly kind: 'request-answered';
      readonly gateway: string;
      readonly number: number;
      readonly answer: Answered['answer'];
    }
  | { readonly kind: 'stream-closed'; readonly gateway: string }
);

type ClientCall = Extract<ClientMessage, { kind: 'client-call' }>;

interface OpenCall {
  call: ClientCall;
  readonly caller: Caller;
  /** Further clients that wait for the same one under its key. */
  others: readonly ClientCall[];
  readonly deadlineAt: number;
  readonly target: Target;
  sentAt: number;
  sentTo: Incarnation | undefined;
  sentEpoch: number;
  /** Its client no longer waits: its actor is told so until it has answered. */
  cancelled?: true;
}

interface Target {
  readonly actor: ActorId;
  readonly calls: Set<OpenCall>;
  route: Location | undefined;
  refusedEpoch: number | undefined;
  asked: boolean;
  askAt: number;
  backoffMs: number;
  reason: Extract<Outcome, { ok: false }>['failure'] | undefined;
  /** The leader was asked for whichever has the name. */
  byName: boolean;
}

interface OpenRequest {
  readonly client: Address;
  /** The stream on which it was asked last. */
  since: number;
  readonly clientNumber: number;
  readonly number: number;
  readonly body: RequestBody;
  /** Of the last copy. */
  forTerm: number | undefined;
  sentAt: number;
}

const graceMsUsual = 6_000;
const turnMsUsual = 6_000;
const silentMsMax = 3_000;
const lateShare = 0.1;
const lateMsMin = 200;
const lateMsMax = 6_000;
/** A gateway that stood still for longer closes its streams. */
const standstillMsMax = 60_000;
const backoffMsMin = 20;
const backoffMsMax = 1_000;

export class Gateway {
  readonly address: Address;
  readonly #world: World;
  readonly #process: Process;
  readonly #toLeader: (message: Request | Resolve) => void;
  readonly #routes: Routes;
  /** Which copies come twice, the second time long after the first. */
  readonly #late: Random;
  readonly #calls = new Map<string, OpenCall>();
  readonly #targets = new Map<ActorId, Target>();
  readonly #requests = new Map<number, OpenRequest>();
  /** When each client was last heard of: one that has gone is not waited for. */
  readonly #heard = new Map<Address, number>();
  #numbers = 0;
  /** The last that was opened, as far as this gateway knows. */
  #term: number | undefined;
  #sweptAt: number;
  #standstills = 0;
  /** Streams opened before this time are closed; one ends with its process, so none is older than this gateway. */
  #closedAt: number;

  constructor(world: World, process: Process, toLeader: (message: Request | Resolve) => void) {
    this.#world = world;
    this.#process = process;
    this.#toLeader = toLeader;
    this.#late = world.chance.fork(`late copies of ${process.name}`);
    this.#sweptAt = process.now();
    this.#closedAt = world.timeline.now;
    this.address = gatewayAddress(process.name);
    this.#routes = new Routes({
      spoilt: world.mutant === 'first-place-is-kept',
      placed: (actor) => this.#onPlaced(actor),
      lost: (node) => this.#onNodeLost(node),
    });
    world.network.listen(process, this.address, (message: never) => this.hear(message));
    world.network.listen(process, `door:${process.host.name}`, (message: ClientMessage) =>
      this.#fromClient(message),
    );
    this.#sweepLater();
  }

  /** Calls and requests that wait for an answer. */
  get size(): number {
    return this.#calls.size + this.#requests.size;
  }

  /** Actor calls that wait for an answer. */
  get openCalls(): number {
    return this.#calls.size;
  }

  /** Time in which nothing happened, and nobody was waited for. */
  leapt(ms: number): void {
    this.#sweptAt += ms;
    for (const [client, at] of this.#heard) this.#heard.set(client, at + ms);
  }

  seed(machine: SchedulerMachine): void {
    const durable = machine.durable();
    this.#term = durable.term?.number ?? this.#term;
    this.#routes.seed(durable);
  }

  durable({ facts, first }: AppliedFacts): void {
    let newTerm = false;
    for (const [index, fact] of facts.entries()) {
      this.#routes.apply(fact, first + index);
      if (fact.kind !== 'term-opened') continue;
      newTerm = true;
      this.#term = first + index;
    }
    if (!newTerm) return;
    for (const open of this.#requests.values()) this.#ask(open);
    for (const target of this.#targets.values()) {
      if (target.route === undefined) this.#resolve(target);
    }
  }

  hear(message: CallResult | NotHere | Located | Answered): void {
    switch (message.kind) {
      case 'call-result':
        return this.#onResult(message);
      case 'not-here':
        return this.#onNotHere(message);
      case 'located':
        return this.#onLocated(message);
      case 'answered': {
        const open = this.#requests.get(message.number);
        if (open === undefined) return;
        // What one leader refused, the next may have taken.
        if (message.answer.kind === 'failed' && message.term.number !== open.forTerm) return;
        this.#requests.delete(message.number);
        this.#toClient(open.client, {
          kind: 'request-answered',
          since: open.since,
          gateway: this.address,
          number: open.clientNumber,
          answer: message.answer,
        });
        return;
      }
    }
  }

  #fromClient(message: ClientMessage): void {
    const { since } = message;
    if (this.#process.now() - this.#sweptAt > standstillMsMax) this.#closeStreams();
    if (since < this.#closedAt) {
      return this.#toClient(message.client, {
        kind: 'stream-closed',
        gateway: this.address,
        since,
      });
    }
    this.#heard.set(message.client, this.#process.now());
    if (message.kind === 'client-call') this.#open(message);
    else if (message.kind === 'client-request') this.#request(message);
    else if (message.kind === 'client-leaves') this.#forget(message.client);
    else if (message.kind === 'client-cancel') this.#cancel(message.session, message.number);
  }

  /** What waits in the sockets of a process that stood still is of another time. */
  #closeStreams(): void {
    if (this.#forgetsDeadlines) return;
    this.#standstills += 1;
    this.#closedAt = this.#world.timeline.now;
    for (const client of [...this.#heard.keys()]) this.#forget(client);
  }

  /** The stream of this client is closed: it asks again elsewhere, under the same numbers. */
  #forget(client: Address): void {
    this.#heard.delete(client);
    for (const open of [...this.#calls.values()]) {
      open.others = open.others.filter((other) => other.client !== client);
      if (open.call.client !== client) continue;
      const [next, ...others] = open.others;
      if (next === undefined) this.#remove(open);
      else {
        open.call = next;
        open.others = others;
      }
    }
    for (const [number, open] of this.#requests) {
      if (open.client === client) this.#requests.delete(number);
    }
  }

  #open(call: ClientCall): void {
    const caller = this.#callerOf(call);
    const known = this.#calls.get(keyOf(caller));
    if (known !== undefined) return this.#again(known, call);
    const target = this.#targets.get(call.actor) ?? this.#newTarget(call.actor);
    // A millisecond less: one that has nothing left, and asks for the answer only, is late at once.
    const deadlineAt = this.#process.now() + call.deadlineMs - 1;
    const unsent = { sentAt: 0, sentTo: undefined, sentEpoch: 0 };
    const open: OpenCall = { call, caller, others: [], deadlineAt, target, ...unsent };
    this.#calls.set(keyOf(caller), open);
    target.calls.add(open);
    if (target.route !== undefined) this.#send(open, target.route);
    else if (target.calls.size === 1 || (call.birth === undefined && !target.byName)) {
      this.#resolve(target);
    }
  }

  #callerOf(call: ClientCall): Caller {
    const { session, number, low, actor, idempotencyKey, method, args } = call;
    if (idempotencyKey === undefined) return { session, number, low };
    const caller = callerUnderKey({ actor, idempotencyKey, method, args });
    if (this.#world.mutant !== 'keys-by-client') return caller;
    return { ...caller, session: `${caller.session}:${call.client}` as SessionId };
  }

  /** It waits here: asked for by the same client once more, or by another one under its key. */
  #again(known: OpenCall, call: ClientCall): void {
    const isSame = known.call.client === call.client && known.call.number === call.number;
    if (known.caller.print === undefined || isSame) {
      known.call = { ...call, low: Math.max(call.low, known.call.low) };
      return;
    }
    const others = known.others.filter(
      ({ client, number }) => client !== call.client || number !== call.number,
    );
    known.others = [...others, call];
  }

  #cancel(session: SessionId, number: number): void {
    const open = this.#calls.get(keyOf({ session, number }));
    if (open === undefined) return;
    const { actor } = open.call;
    if (open.sentTo === undefined) {
      const text = `call ${number} of ${actor} was cancelled before it was sent to a node`;
      return this.#answer(open, { ok: false, failure: failure('CANCELLED', text) });
    }
    open.cancelled = true;
    const message = { kind: 'cancel-call', actor, session, number };
    this.#world.network.send(this.#process, `node:${open.sentTo}`, message);
  }

  #request(message: Extract<ClientMessage, { kind: 'client-request' }>): void {
    const { client, number: clientNumber, body } = message;
    for (const open of this.#requests.values()) {
      if (open.client !== client || open.clientNumber !== clientNumber) continue;
      open.since = message.since;
      return;
    }
    this.#numbers += 1;
    const number = this.#numbers;
    const { since } = message;
    const open: OpenRequest = {
      client,
      since,
      clientNumber,
      number,
      body,
      forTerm: undefined,
      sentAt: 0,
    };
    this.#requests.set(number, open);
    this.#ask(open);
  }

  #ask(open: OpenRequest): void {
    open.sentAt = this.#process.now();
    const forTerm = this.#term;
    if (forTerm === undefined) return;
    open.forTerm = forTerm;
    const { number, body } = open;
    const [low = number] = this.#requests.keys();
    const copy: Request = { kind: 'request', number, low, forTerm, replyTo: this.address, body };
    this.#toLeader(copy);
    if (!this.#late.chance(lateShare)) return;
    this.#process.after(this.#late.spread(lateMsMin, lateMsMax), () => this.#toLeader(copy));
  }

  #newTarget(actor: ActorId): Target {
    const target: Target = {
      actor,
      calls: new Set(),
      route: this.#routes.of(actor),
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

  #send(open: OpenCall, route: Location): void {
    const { call } = open;
    const { birth = route.birth } = call;
    if (birth < route.birth) return this.#gone(open);
    if (birth > route.birth) return this.#resolve(open.target);
    if (open.sentTo !== undefined && open.sentTo !== route.node) {
      this.#world.coverage.reach('a call is resent to another node');
    }
    open.sentAt = this.#process.now();
    open.sentTo = route.node;
    open.sentEpoch = Math.max(open.sentEpoch, route.epoch);
    const message: Call = {
      kind: 'call',
      actor: call.actor,
      birth: route.birth,
      epoch: route.epoch,
      method: call.method,
      args: call.args,
      caller: callerIn(open),
      replyTo: this.address,
      sentAt: open.sentAt,
      deadlineAt: this.#deadlineOf(open),
      standstills: this.#standstills,
      path: [],
      ...(call.priority === undefined ? {} : { priority: call.priority }),
      ...(call.atTurn === undefined ? {} : { atTurn: call.atTurn }),
      ...(call.from === undefined ? {} : { from: call.from }),
      ...(open.cancelled ? { cancelled: true } : {}),
    };
    this.#world.network.send(this.#process, `node:${route.node}`, message);
  }

  #onResult(result: CallResult): void {
    const open = this.#callOf(result);
    if (open === undefined || open.call.actor !== result.actor) return;
    if (result.outcome.ok && (result.taking === true) !== (open.call.from !== undefined)) return;
    open.target.backoffMs = 0;
    if (result.lateMs !== undefined && this.#deadlineOf(open) > this.#process.now()) {
      // Its own clock stood still: all that was asked by then is older than it says.
      return this.#closeStreams();
    }
    if (!result.outcome.ok && (result.epoch ?? open.sentEpoch) < open.sentEpoch) return;
    this.#answer(open, result.outcome);
  }

  /** An older node does not say what it answers: of several under one key it is none. */
  #callOf(answer: CallResult | NotHere): OpenCall | undefined {
    const { actor, session, print } = answer;
    const open = this.#calls.get(keyOf(answer));
    if (open !== undefined || print !== undefined || !session.startsWith(keySessionPrefix)) {
      return open;
    }
    const calls = this.#targets.get(actor)?.calls ?? [];
    const [first, ...others] = [...calls].filter(({ caller }) => caller.session === session);
    return others.length === 0 ? first : undefined;
  }

  /** What was never sent, or was said to be unrun, surely did nothing. */
  #gone(open: OpenCall): void {
    const { number, actor, birth } = open.call;
    this.#world.coverage.reach('a call of one birth finds it gone');
    const code = isUnrun(open) ? 'GONE' : 'OUTCOME_UNKNOWN';
    const reason = failure(
      code,
      `call ${number} of "${actor}" is for birth ${birth}, which is gone`,
    );
    this.#answer(open, { ok: false, failure: reason });
  }

  #onNotHere(refusal: NotHere): void {
    const open = this.#callOf(refusal);
    const isLast = open?.call.actor === refusal.actor && open.sentEpoch === refusal.epoch;
    if (refusal.unrun === true && isLast) open.sentAt = 0;
    const target = this.#targets.get(refusal.actor);
    if (target?.route === undefined || target.route.epoch !== refusal.epoch) return;
    target.route = undefined;
    target.refusedEpoch = refusal.epoch;
    target.backoffMs = Math.min(Math.max(backoffMsMin, target.backoffMs * 2), backoffMsMax);
    target.askAt = this.#process.now() + target.backoffMs;
    this.#process.after(target.backoffMs, () => {
      if (target.route === undefined && target.calls.size > 0) this.#resolve(target);
    });
  }

  #onLocated(answer: Located): void {
    const target = this.#targets.get(answer.actor);
    const { location } = answer;
    if (!isFailure(location)) {
      if (target?.refusedEpoch === location.epoch) target.refusedEpoch = undefined;
      this.#routes.learn(answer.actor, location);
      if (target === undefined) return;
      target.asked = false;
      if (target.route === undefined) this.#useTable(target);
      return;
    }
    if (target === undefined || target.route !== undefined) return;
    target.asked = false;
    target.reason = location;
    if (location.code === 'GONE') {
      const gone = Number(location.details?.['birth']);
      for (const open of [...target.calls]) {
        if (open.call.birth !== undefined && open.call.birth <= gone) this.#gone(open);
      }
      if (target.calls.size > 0) this.#resolve(target);
      return;
    }
    if (errorTable[location.code].retryable) return;
    for (const open of [...target.calls]) {
      if (isUnrun(open)) this.#answer(open, { ok: false, failure: location });
    }
  }

  #useTable(target: Target): void {
    const route = this.#routes.of(target.actor);
    if (route === undefined) return;
    if (target.refusedEpoch !== undefined && route.epoch <= target.refusedEpoch) return;
    target.route = route;
    target.reason = undefined;
    for (const open of [...target.calls]) this.#send(open, route);
  }

  #onPlaced(actor: ActorId): void {
    const target = this.#targets.get(actor);
    if (target === undefined) return;
    target.route = undefined;
    if (!target.asked) this.#resolve(target);
  }

  #onNodeLost(node: Incarnation): void {
    for (const target of this.#targets.values()) {
      if (target.route?.node !== node) continue;
      target.route = undefined;
      this.#resolve(target);
    }
  }

  #resolve(target: Target): void {
    const { resendMs } = this.#world.timings;
    target.asked = true;
    target.askAt = this.#process.now() + resendMs;
    const { actor, refusedEpoch } = target;
    const [first] = target.calls;
    const scope = first?.call.scope;
    const births = [...target.calls].map(({ call }) => call.birth ?? Number.POSITIVE_INFINITY);
    const birth = Math.max(0, ...births);
    target.byName = birth === 0 || !Number.isFinite(birth);
    const message: Resolve = {
      kind: 'resolve',
      actor,
      replyTo: this.address,
      ...(scope === undefined ? {} : { scope }),
      ...(target.byName ? {} : { birth }),
    };
    this.#toLeader(refusedEpoch === undefined ? message : { ...message, refusedEpoch });
  }

  #sweepLater(): void {
    this.#process.routine(this.#world.timings.resendMs / 2, () => {
      this.#sweep();
      this.#sweepLater();
    });
  }

  #sweep(): void {
    const now = this.#process.now();
    if (now - this.#sweptAt > standstillMsMax) this.#closeStreams();
    this.#sweptAt = now;
    const due = now - this.#world.timings.resendMs;
    for (const [client, at] of this.#heard) if (at < now - silentMsMax) this.#forget(client);
    for (const target of this.#targets.values()) {
      for (const open of target.calls) this.#expire(open);
      const { route } = target;
      if (route === undefined) {
        if (target.calls.size > 0 && target.askAt <= now) this.#resolve(target);
        continue;
      }
      for (const open of [...target.calls]) if (open.sentAt <= due) this.#send(open, route);
    }
    for (const open of this.#requests.values()) if (open.sentAt <= due) this.#ask(open);
  }

  #expire(open: OpenCall): void {
    const now = this.#process.now();
    const deadlineAt = this.#deadlineOf(open);
    const { number, actor } = open.call;
    if (deadlineAt > now) return;
    const text = `call ${number} of "${actor}"`;
    if (open.sentAt === 0) {
      const reason = open.target.reason ?? failure('NO_LEADER', `${text} found no place`);
      const unknown = failure('OUTCOME_UNKNOWN', `${text} had begun, and found no place`);
      return this.#answer(open, { ok: false, failure: isUnrun(open) ? reason : unknown });
    }
    const { graceMs = graceMsUsual, turnMs = turnMsUsual } = this.#world.timings;
    const patience = graceMs + (open.target.route === undefined ? 0 : turnMs);
    if (deadlineAt + patience > now) return;
    const { mutant } = this.#world;
    const code = mutant === 'unknown-told-as-refused' ? 'DEADLINE_EXCEEDED' : 'OUTCOME_UNKNOWN';
    const unknown = failure(code, `${text} was sent but not answered`);
    this.#answer(open, { ok: false, failure: unknown });
  }

  get #forgetsDeadlines(): boolean {
    return this.#world.mutant === 'resend-after-a-forgotten-session';
  }

  #deadlineOf(open: OpenCall): number {
    if (this.#forgetsDeadlines) return this.#process.now() + open.call.deadlineMs;
    return open.deadlineAt;
  }

  #answer(open: OpenCall, outcome: Outcome): void {
    this.#remove(open);
    for (const call of [open.call, ...open.others]) this.#answerTo(call, outcome);
  }

  #answerTo({ client, number, since }: ClientCall, outcome: Outcome): void {
    const gateway = this.address;
    this.#toClient(client, { kind: 'call-answered', since, gateway, number, outcome });
  }

  #toClient(client: Address, message: GatewayMessage): void {
    this.#world.network.send(this.#process, client, message);
  }

  #remove(open: OpenCall): void {
    if (this.#world.mutant === 'answered-calls-are-kept') return;
    const { caller, target } = open;
    this.#calls.delete(keyOf(caller));
    target.calls.delete(open);
    if (target.calls.size === 0) this.#targets.delete(target.actor);
  }
}

/** Nobody can have begun it. Who takes on from a position has had values of what began long ago. */
function isUnrun({ sentAt, call: { from = 0 } }: OpenCall): boolean {
  return sentAt === 0 && from === 0;
}

/** What a client without a key has answered since is said with each copy. */
function callerIn({ call, caller }: OpenCall): Caller {
  return call.idempotencyKey === undefined ? { ...caller, low: call.low } : caller;
}

function keyOf(caller: Pick<Caller, 'session' | 'number' | 'print'>): string {
  return `${nameOfCaller(caller)}|${caller.number}`;
}
