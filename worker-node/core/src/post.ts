/**
 * Letters on their way: sent when their turn is durable, sent again until acknowledged.
 *
 * P1  letters to one receiver are sent in the order of their numbers, from the first one open.
 */
import {
  type ActorId,
  actorId,
  actorParts,
  builtInBundle,
  isFailure,
  type Letter,
  type LetterAck,
  type LetterNotHere,
  type Location,
  nodeAddress,
  type OutgoingSend,
  type VectorClock,
} from '@troupe/model';
import { type Activation, incarnationOf } from './activation.ts';
import type { Core } from './core.ts';
import type { OutboxLetter } from './facts.ts';
import { type KeptLetter, mannerOf } from './outbox.ts';

/** Letters of one receiver sent again at once; the next follow when these are acknowledged. */
const resentAtOnceMax = 256;
/** A receiver that takes nothing for long is asked so often all the same. */
const heldMsMax = 30_000;

export class Post {
  readonly #core: Core;
  /** Activations with letters open. */
  readonly #senders = new Set<Activation>();
  /** Highest number sent again, while more letters to that receiver wait for its acknowledgement. */
  readonly #windows = new Map<Activation, Map<ActorId, number>>();
  /** Whose letters are about to follow an actor that went elsewhere, by `sender>receiver`. */
  readonly #searches = new Set<string>();
  /** Receivers that take nothing until then: monotonic ms of this node. */
  readonly #held = new Map<Activation, Map<ActorId, number>>();

  constructor(core: Core) {
    this.#core = core;
  }

  addressee({ id }: Activation, { type, key }: Pick<OutgoingSend, 'type' | 'key'>): ActorId {
    return actorId(actorParts(id).tenant, type, key);
  }

  /** Letters of a turn that has just been appended. */
  sendNew(activation: Activation, letters: readonly OutboxLetter[], clock: VectorClock): void {
    if (letters.length === 0) return;
    this.#senders.add(activation);
    for (const letter of letters) {
      const place = this.#core.locations.known(letter.to);
      if (place === undefined) this.#resendTo(activation, letter.to);
      else this.#send(activation, { ...letter, clock }, place);
    }
  }

  /** After a restore: everything still open. */
  resendAll(activation: Activation): void {
    const { memory } = activation;
    if (memory === undefined || memory.outbox.size === 0) return;
    this.#senders.add(activation);
    for (const to of memory.outbox.receivers()) this.#resendTo(activation, to);
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const activation of this.#senders) {
      if (activation.memory === undefined || activation.memory.outbox.size === 0) {
        this.#forget(activation);
      } else if (this.#goesOn(activation)) {
        for (const to of activation.memory.outbox.receivers()) {
          if ((this.#held.get(activation)?.get(to) ?? 0) > this.#core.now) continue;
          this.#core.locations.doubt(to);
          this.#resendTo(activation, to);
        }
      } else if (activation.phase === 'released') this.#forget(activation);
    }
  }

  onAck(ack: LetterAck): void {
    const activation = this.#core.actors.get(ack.from);
    if (activation?.memory === undefined || activation.birth !== ack.fromBirth) return;
    // What a receiver had taken in a past that is no more, it has not taken.
    if (this.#core.rewinds.isOfAnother(activation, ack)) return;
    this.#core.peerClocks.onAck(activation, ack);
    const { outbox } = activation.memory;
    outbox.acknowledge(ack.to, ack.upTo);
    this.#hold(activation, ack);
    const windows = this.#windows.get(activation);
    const sentUpTo = windows?.get(ack.to);
    if (sentUpTo !== undefined && ack.upTo >= sentUpTo) {
      windows?.delete(ack.to);
      this.#resendTo(activation, ack.to);
    } else if (outbox.isPassedOver(ack.to, ack.upTo + 1)) {
      // The next one was held to be ahead of some that are none.
      this.#resendTo(activation, ack.to);
    }
    this.#core.mailboxes.pump(activation);
    this.#core.builtIns.onTaken(activation);
    this.#core.checkpointing.onTaken(activation);
    this.#core.wishes.onTaken(activation);
  }

  /** It went elsewhere: its letters follow as soon as it is known where. */
  onNotHere({ to, from, epoch }: LetterNotHere): void {
    const activation = this.#core.actors.get(from);
    const search = `${from}>${to}`;
    if (activation?.phase !== 'live' || this.#searches.has(search)) {
      return this.#core.locations.refused(to, epoch);
    }
    this.#searches.add(search);
    const wait = { of: `refused ${from}`, scope: scopeOfCreated(activation) };
    this.#core.locations.findLater({ actor: to, epoch }, wait, (isLater) => {
      this.#searches.delete(search);
      if (isLater && activation.phase === 'live') this.#resendTo(activation, to);
    });
  }

  #resendTo(activation: Activation, to: ActorId): void {
    const { id, epoch } = activation;
    const wait = { of: `letters ${id}#${epoch}`, scope: scopeOfCreated(activation) };
    this.#core.locations.find(to, wait, (place) => {
      if (isFailure(place)) {
        const text = `letters of ${activation.id} to ${to} wait: ${place.code}: ${place.message}`;
        this.#core.out.work({ kind: 'log', level: 'warn', text });
        return;
      }
      const letters = activation.memory?.outbox.letters(to) ?? [];
      const window = letters.slice(0, resentAtOnceMax);
      for (const letter of window) this.#send(activation, letter, place);
      const last = window.at(-1);
      if (last !== undefined && letters.length > window.length) {
        const windows = this.#windows.get(activation) ?? new Map<ActorId, number>();
        this.#windows.set(activation, windows.set(to, last.number));
      }
    });
  }

  #goesOn(activation: Activation): boolean {
    const { phase } = activation;
    return phase === 'live' || phase === 'ending' || this.#core.givenUp.sends(activation);
  }

  /** It is asked again now and then, since it may have gone elsewhere. */
  #hold(activation: Activation, { to, heldMs }: LetterAck): void {
    const held = this.#held.get(activation) ?? new Map<ActorId, number>();
    if (heldMs === undefined) held.delete(to);
    else held.set(to, this.#core.now + Math.min(heldMs, heldMsMax));
    if (held.size > 0) this.#held.set(activation, held);
    else this.#held.delete(activation);
  }

  #forget(activation: Activation): void {
    this.#held.delete(activation);
    this.#senders.delete(activation);
    this.#windows.delete(activation);
  }

  #send(activation: Activation, letter: KeptLetter, place: Location): void {
    if (activation.phase === 'released') return;
    const { birth } = place;
    const receiver = { actor: letter.to, birth };
    const clock = this.#core.peerClocks.restFor(activation, receiver, letter.clock);
    const message: Letter = {
      kind: 'letter',
      to: letter.to,
      epoch: place.epoch,
      from: activation.id,
      fromBirth: activation.birth,
      number: letter.number,
      base: activation.memory?.outbox.takenBefore(letter.to) ?? 0,
      method: letter.method,
      args: letter.args,
      ...mannerOf(letter),
      replyTo: nodeAddress(this.#core.config.incarnation),
      scope: activation.scope,
      clock,
      ...(clock === letter.clock ? {} : { birth }),
      ...incarnationOf(activation),
    };
    this.#core.out.send({ kind: 'to-node', node: place.node, message });
  }
}

/** Of an actor that comes to be by a letter: that of its sender. What all share takes nobody into its own. */
function scopeOfCreated({ scope, bundle }: Activation): string | undefined {
  return bundle === builtInBundle ? undefined : scope;
}
