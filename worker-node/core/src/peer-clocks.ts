/**
 * What the actors that one writes to, asks and hears from surely know: of a clock that goes to one of them
 * only the rest is sent, and nothing at all to one of another scope. Small clocks are sent whole.
 *
 * Q1  what is left out of a clock is in the past of a durable turn of its receiver: of the same birth, and
 *     since their scope went back for the last time.
 *     Those may forget who has ended (pruning.ts): so what they know is believed for `knownPeersMs` only, before anybody
 *     could begin with the same numbers.
 * Q2  what is forgotten here costs bytes, and nothing else: who comes into memory knows of nobody.
 */
import {
  type ActorId,
  type AnswerMark,
  type Call,
  type CallResult,
  emptyClock,
  isTracked,
  type Letter,
  type LetterAck,
  limits,
  type VectorClock,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { Memory } from './memory.ts';
import type { ActorBirth } from './sessions.ts';
import { actorOfSession } from './sessions.ts';

/** Those that one actor has to do with: who was last in use stands last. */
interface Circle {
  readonly incarnation: number;
  /** Monotonic ms at which it began. */
  readonly since: number;
  readonly peers: Map<ActorId, Peer>;
  /** Components that all of them are known to know. */
  components: number;
}

interface Peer {
  readonly birth: number;
  readonly isForeign: boolean;
  readonly known: Map<string, number>;
  /** The first answer to it of which nobody knows whether it has come: then it knows this clock too. */
  told: { readonly mark: AnswerMark; readonly clock: VectorClock } | undefined;
  /** Its latest answer that is recorded here. */
  heard: AnswerMark | undefined;
}

type AnswerClock = Pick<CallResult, 'birth' | 'clock' | 'abreast' | 'mark'>;

export class PeerClocks {
  readonly #core: Core;
  readonly #circles = new WeakMap<Memory, Circle>();
  /** Of the answers so far: they rise for as long as the node lives. */
  #marks = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** What of a clock of this actor its peer may not know: the clock itself when that is all of it. */
  restFor(activation: Activation, peer: ActorBirth, clock: VectorClock): VectorClock {
    const found = this.#find(activation, peer);
    if (found === undefined) return clock;
    return found.isForeign ? emptyClock : restOf(clock, found.known);
  }

  /** What a call says of the latest answer of its receiver that is recorded. */
  heardFrom(activation: Activation, peer: ActorBirth): Pick<Call, 'heard'> {
    const heard = this.#find(activation, peer)?.heard;
    return heard === undefined ? {} : { heard };
  }

  onCall(activation: Activation, { caller, scope, clock, heard }: Call): void {
    const peer = actorOfSession(caller.session);
    if (peer === undefined || clock === undefined) return;
    if (scope !== activation.scope) return this.#isForeign(activation, peer);
    this.#knows(activation, peer, clock);
    const found = this.#find(activation, peer);
    if (found?.told === undefined || !isAtLeast(heard, found.told.mark)) return;
    const { told } = found;
    found.told = undefined;
    this.#knows(activation, peer, told.clock);
  }

  onLetter(activation: Activation, { from, fromBirth, scope, clock }: Letter): void {
    const peer = { actor: from, birth: fromBirth };
    if (scope !== activation.scope) this.#isForeign(activation, peer);
    else this.#knows(activation, peer, clock);
  }

  /** Before the letters that it acknowledges are forgotten. */
  onAck(activation: Activation, { to, birth, scope, upTo }: LetterAck): void {
    if (birth === undefined) return;
    const peer = { actor: to, birth };
    if (scope !== activation.scope) return this.#isForeign(activation, peer);
    const letters = activation.memory?.outbox.letters(to) ?? [];
    const last = letters.findLast(({ number }) => number <= upTo);
    if (last !== undefined) this.#knows(activation, peer, last.clock);
  }

  /** `asked`: the clock of the call, whole. */
  onResult(activation: Activation, result: CallResult, asked: VectorClock): void {
    const { actor, birth, scope, clock, abreast, mark } = result;
    if (birth === undefined || clock === undefined) return;
    const peer = { actor, birth };
    if (scope !== activation.scope) return this.#isForeign(activation, peer);
    this.#knows(activation, peer, clock);
    if (abreast === true) this.#knows(activation, peer, asked);
    const found = this.#find(activation, peer);
    // The turn that asked may be over, which learns nothing any more.
    const { [activation.id]: _, ...others } = clock;
    if (found === undefined || !isIn(others, activation.memory?.clock ?? emptyClock)) return;
    found.heard = mark;
  }

  /** What the answer to an actor says of clocks. `asked`: what its call said. */
  ofAnswer(activation: Activation, to: ActorBirth, asked: VectorClock | undefined): AnswerClock {
    const { birth, epoch, memory } = activation;
    const clock = memory?.clock ?? emptyClock;
    const peer = this.#find(activation, to);
    if (peer === undefined) return { birth, clock };
    if (peer.isForeign) return { birth, clock: emptyClock };
    this.#marks += 1;
    const mark: AnswerMark = [epoch, this.#marks];
    // The one that was told last may always be on its way still.
    peer.told ??= { mark, clock };
    const abreast = asked !== undefined && isIn(asked, clock) ? ({ abreast: true } as const) : {};
    return { birth, clock: restOf(clock, peer.known), mark, ...abreast };
  }

  /** Whether it is sent whole. */
  isSmall(clock: VectorClock): boolean {
    const { wholeClockMax = limits.wholeClockMax } = this.#core.config;
    let actors = 0;
    for (const _ in clock) {
      actors += 1;
      if (actors > wholeClockMax) return false;
    }
    return true;
  }

  #knows(activation: Activation, peer: ActorBirth, clock: VectorClock): void {
    const own = activation.memory?.clock ?? emptyClock;
    if (!isTracked(own) || !isTracked(clock)) return;
    const isSmall = this.isSmall(own) && this.isSmall(clock);
    const found =
      this.#find(activation, peer) ?? (isSmall ? undefined : this.#meet(activation, peer, false));
    const circle = this.#circleOf(activation);
    if (found === undefined || circle === undefined) return;
    const before = found.known.size;
    for (const [actor, turn] of Object.entries(clock)) {
      if ((found.known.get(actor) ?? 0) < turn) found.known.set(actor, turn);
    }
    circle.components += found.known.size - before;
    this.#makeRoom(circle);
  }

  #isForeign(activation: Activation, peer: ActorBirth): void {
    if (this.isSmall(activation.memory?.clock ?? emptyClock)) return;
    if (this.#find(activation, peer) === undefined) this.#meet(activation, peer, true);
  }

  #find(activation: Activation, { actor, birth }: ActorBirth): Peer | undefined {
    const peers = this.#circleOf(activation)?.peers;
    const found = peers?.get(actor);
    if (found?.birth !== birth) return undefined;
    peers?.delete(actor);
    peers?.set(actor, found);
    return found;
  }

  #meet(
    activation: Activation,
    { actor, birth }: ActorBirth,
    isForeign: boolean,
  ): Peer | undefined {
    const { memory, rewind } = activation;
    if (memory === undefined) return undefined;
    const circle = this.#circleOf(activation) ?? {
      incarnation: rewind.incarnation,
      since: this.#core.now,
      peers: new Map<ActorId, Peer>(),
      components: 0,
    };
    this.#circles.set(memory, circle);
    drop(circle, actor);
    const met = { birth, isForeign, known: new Map(), told: undefined, heard: undefined };
    circle.peers.set(actor, met);
    this.#makeRoom(circle);
    return met;
  }

  /** Undefined when nobody is known of since it came into memory, or its scope went back. */
  #circleOf({ memory, rewind }: Activation): Circle | undefined {
    const circle = memory === undefined ? undefined : this.#circles.get(memory);
    if (circle?.incarnation !== rewind.incarnation) return undefined;
    return this.#core.now - circle.since <= limits.knownPeersMs ? circle : undefined;
  }

  /** Q2 */
  #makeRoom(circle: Circle): void {
    const { knownPeersMax, knownOfPeersMax } = limits;
    for (const actor of circle.peers.keys()) {
      if (circle.peers.size <= knownPeersMax && circle.components <= knownOfPeersMax) return;
      drop(circle, actor);
    }
  }
}

function drop(circle: Circle, actor: ActorId): void {
  circle.components -= circle.peers.get(actor)?.known.size ?? 0;
  circle.peers.delete(actor);
}

/** Of one placement the later answer knows all that the earlier one knew. */
function isAtLeast(heard: AnswerMark | undefined, [epoch, count]: AnswerMark): boolean {
  return heard !== undefined && heard[0] === epoch && heard[1] >= count;
}

function restOf(clock: VectorClock, known: ReadonlyMap<string, number>): VectorClock {
  const rest: Record<string, number> = {};
  let isWhole = true;
  for (const [actor, turn] of Object.entries(clock)) {
    if ((known.get(actor) ?? 0) < turn) rest[actor] = turn;
    else isWhole = false;
  }
  return isWhole ? clock : rest;
}

function isIn(known: VectorClock, clock: VectorClock): boolean {
  return Object.entries(known).every(([actor, turn]) => (clock[actor as ActorId] ?? 0) >= turn);
}
