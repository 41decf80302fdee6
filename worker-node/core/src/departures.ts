/**
 * Actors on their way to another node. Most is done while the actor still works: a checkpoint is
 * written ahead, and the other node reads it ahead. Then no new turn begins, what is left is written,
 * and the actor is released.
 *
 *   begin ─▶ waiting ─▶ ahead ──────▶ preparing ──▶ quiet ─────────▶ released ─▶ (seen) dropped
 *                       checkpoint    other node    rest, as soon
 *                       is written    has read it   as no turn runs
 *
 * V1  after the leader was told that it is released no fact of that epoch of the actor comes into this log.
 * V2  an actor is released only when a checkpoint holds all it did here. That is durable, so nothing else is
 *     written for it: whoever dies before the leader has heard of it leaves the same to be read back.
 * V3  at most `departuresMax` are under way, with checkpoints of `departingBytesMax` together; one is
 *     always. Those that an operator asked for go before those of a drain.
 * V4  who asks an actor that goes waits here until the leader knows where it went.
 */
import { type Incarnation, type Leave, limits, type Prepared } from '@troupe/model';
import { type Activation, inMessages } from './activation.ts';
import type { Core } from './core.ts';

interface Departure {
  readonly activation: Activation;
  /** Undefined: wherever the leader likes. */
  leave: Leave | undefined;
  stage: 'waiting' | 'ahead' | 'preparing' | 'quiet';
  /** Its checkpoint was written ahead, as far as that was of use. */
  written: boolean;
  /** Whether the other node has said that it is. */
  prepared: boolean;
  /** When the other node is waited for no longer. */
  preparedUntil: number;
  /** What it counts for (V3). */
  bytes: number;
}

export class Departures {
  readonly #core: Core;
  readonly #all = new Map<Activation, Departure>();
  readonly #wished = new Set<Departure>();
  readonly #drained = new Set<Departure>();
  readonly #underWay = new Set<Departure>();
  #bytes = 0;
  #beginning = false;
  /** Released, and the leader has not said that it knows. */
  readonly #released = new Map<string, Activation>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Hands this actor over. Again and again is once; a later word on where to goes. */
  begin(activation: Activation, leave?: Leave): void {
    // What is to be destroyed goes nowhere else.
    if (activation.phase === 'released' || activation.wish.kind === 'ending') return;
    const known = this.#all.get(activation);
    const departure: Departure = known ?? {
      activation,
      leave,
      stage: 'waiting',
      written: false,
      prepared: false,
      preparedUntil: 0,
      bytes: 0,
    };
    const before = departure.leave?.to;
    departure.leave = leave ?? departure.leave;
    if (departure.stage === 'preparing' && departure.leave?.to !== before) {
      this.#askToPrepare(departure);
    }
    if (departure.stage !== 'waiting') return;
    this.#all.set(activation, departure);
    if (departure.leave === undefined) this.#drained.add(departure);
    else {
      this.#drained.delete(departure);
      this.#wished.add(departure);
    }
    this.#next();
  }

  /** It is in memory, a turn of it has ended, or a checkpoint of it is stored. */
  changed(activation: Activation): void {
    const departure = this.#all.get(activation);
    if (departure !== undefined && departure.stage !== 'waiting') this.#step(departure);
  }

  /** No new turn of it begins here. */
  isQuiet(activation: Activation): boolean {
    return this.#all.get(activation)?.stage === 'quiet';
  }

  onPrepared({ actor, epoch }: Prepared): void {
    const activation = this.#core.actors.get(actor);
    if (activation === undefined || activation.epoch !== epoch) return;
    const departure = this.#all.get(activation);
    if (departure?.stage !== 'preparing') return;
    departure.prepared = true;
    this.#quiesce(departure);
  }

  onNodeGone(node: Incarnation): void {
    for (const departure of this.#underWay) {
      if (departure.stage === 'preparing' && departure.leave?.to === node) this.#quiesce(departure);
    }
  }

  onReleaseSeen(actors: readonly { readonly actor: string; readonly epoch: number }[]): void {
    for (const { actor, epoch } of actors) {
      const released = this.#released.get(actor);
      if (released === undefined || released.epoch > epoch) continue;
      this.#core.hosting.drop(released);
    }
  }

  /** It is to be destroyed, and stays for that. */
  abandon(activation: Activation): void {
    const departure = this.#all.get(activation);
    if (departure !== undefined) this.#end(departure);
  }

  /** It is placed anew, here or elsewhere: whoever waits looks for it there (V4). */
  forget(activation: Activation): void {
    const departure = this.#all.get(activation);
    if (departure !== undefined) this.#end(departure);
    if (this.#released.get(activation.id) !== activation) return;
    this.#released.delete(activation.id);
    this.#core.mailboxes.sendAway(activation);
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const departure of this.#underWay) {
      if (departure.stage !== 'preparing') this.#step(departure);
      else if (this.#core.now >= departure.preparedUntil) this.#quiesce(departure);
      else this.#prepare(departure);
    }
    this.#next();
    if (this.#released.size > 0) this.#tell([...this.#released.values()]);
  }

  #next(): void {
    // What goes at once makes room for the next: a loop, however many are cold.
    if (this.#beginning) return;
    this.#beginning = true;
    for (const queue of [this.#wished, this.#drained]) {
      for (const departure of queue) {
        if (!this.#hasRoom(departure)) break;
        queue.delete(departure);
        this.#start(departure);
      }
    }
    this.#beginning = false;
  }

  /** V3 */
  #hasRoom({ activation }: Departure): boolean {
    if (this.#underWay.size === 0) return true;
    const bytes = this.#bytes + activation.checkpoint.bytes;
    return this.#underWay.size < limits.departuresMax && bytes <= limits.departingBytesMax;
  }

  #start(departure: Departure): void {
    departure.bytes = departure.activation.checkpoint.bytes;
    this.#bytes += departure.bytes;
    departure.stage = 'ahead';
    this.#underWay.add(departure);
    // Who waits to be tried would be in memory only when others have been.
    const { trial, runner } = departure.activation;
    if (trial !== undefined && runner === undefined) this.#quiesce(departure);
    else this.#step(departure);
  }

  /** Goes further with this actor, as far as it can. */
  #step(departure: Departure): void {
    if (departure.stage === 'ahead') this.#writeAhead(departure);
    else if (departure.stage === 'quiet') this.#writeRest(departure);
  }

  #writeAhead(departure: Departure): void {
    const { activation } = departure;
    const { phase, checkpoint } = activation;
    if (phase === 'cold') {
      // It left memory while its last checkpoint was on its way (V2).
      if (checkpoint.underWay !== undefined) return;
      if (this.#isWritten(activation)) this.#release(departure);
      else this.#core.hosting.wake(activation);
      return;
    }
    if (phase !== 'live' || checkpoint.underWay !== undefined) return;
    if (!departure.written) {
      departure.written = true;
      this.#core.checkpointing.collect(activation);
      if (!this.#isWritten(activation) || checkpoint.isRest) {
        this.#core.checkpointing.begin(activation, 'handover');
        return;
      }
    }
    this.#askToPrepare(departure);
  }

  #askToPrepare(departure: Departure): void {
    if (departure.leave?.to === undefined) return this.#quiesce(departure);
    departure.stage = 'preparing';
    departure.preparedUntil = this.#core.now + limits.prepareMsMax;
    this.#prepare(departure);
  }

  #prepare({ activation, leave }: Departure): void {
    const { id, epoch } = activation;
    const from = this.#core.config.incarnation;
    if (leave?.to === undefined) return;
    const message = { kind: 'prepare', actor: id, epoch, bundle: leave.bundle, from } as const;
    this.#core.out.send({ kind: 'to-node', node: leave.to, message });
  }

  #quiesce(departure: Departure): void {
    departure.stage = 'quiet';
    this.#core.trials.onQuiet(departure.activation);
    this.#writeRest(departure);
  }

  #writeRest(departure: Departure): void {
    const { activation } = departure;
    if (activation.phase === 'live') activation.phase = 'releasing';
    const settled = activation.phase === 'releasing' || activation.phase === 'cold';
    if (!settled || activation.dispatched.length > 0 || activation.reads.size > 0) return;
    if (activation.checkpoint.underWay !== undefined) return;
    if (this.#isWritten(activation)) return this.#release(departure);
    if (activation.phase === 'cold') this.#core.hosting.wake(activation);
    else this.#core.checkpointing.finish(activation);
  }

  /** One that is to go back in time, and could not be read back so far, has not. */
  #isWritten(activation: Activation): boolean {
    const { chain, rewind } = activation;
    return (
      !this.#core.checkpointing.isBehind(activation) && chain.length === 0 && rewind.back !== 'due'
    );
  }

  #release(departure: Departure): void {
    const { activation } = departure;
    const { id } = activation;
    // Else the end of its runner would bring it back to life (V1).
    this.#core.hosting.leaveRunner(activation);
    // So would an answer to a begun turn that waited to be tried: it asks again where it goes (V1).
    this.#core.outgoing.abandon(activation);
    activation.phase = 'released';
    this.#released.set(id, activation);
    this.#handOver(departure);
    this.#tell([activation]);
    this.#end(departure);
    this.#next();
  }

  /** The other node has all by the time that the leader has journaled where the actor goes. */
  #handOver({ activation, leave, prepared }: Departure): void {
    const { id: actor, epoch, checkpoint } = activation;
    const { revision, isRest, rest } = checkpoint;
    if (!prepared || leave?.to === undefined || (isRest && rest === undefined)) return;
    const bare = { kind: 'handed-over', actor, epoch, revision } as const;
    const message = isRest && rest !== undefined ? { ...bare, rest } : bare;
    this.#core.out.send({ kind: 'to-node', node: leave.to, message });
  }

  #end(departure: Departure): void {
    this.#all.delete(departure.activation);
    this.#wished.delete(departure);
    this.#drained.delete(departure);
    if (!this.#underWay.delete(departure)) return;
    this.#bytes -= departure.bytes;
  }

  #tell(activations: readonly Activation[]): void {
    const { incarnation } = this.#core.config;
    for (const some of inMessages(activations)) {
      const actors = some.map((one) => {
        return this.#released.get(one.actor)?.asleep === true
          ? { ...one, asleep: true as const }
          : one;
      });
      this.#core.out.send({
        kind: 'to-leader',
        message: { kind: 'released', incarnation, actors },
      });
    }
  }
}
