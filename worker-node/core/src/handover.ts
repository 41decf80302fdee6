/**
 * A drained node hands its actors over: each finishes what its runner has, is checkpointed, and is
 * released durably; then the leader places it elsewhere. When nothing is left, the node leaves.
 *
 * V1  after `actor-released` no fact of that epoch of the actor stands in this log.
 * V2  an actor is released only when a checkpoint holds all it did here.
 */
import { type Activation, inMessages } from './activation.ts';
import type { Core } from './core.ts';

/** Actors that are being handed over at once. */
const releasingMax = 256;

export class Handover {
  readonly #core: Core;
  #wish: 'stay' | 'leaving' | 'draining' = 'stay';
  #exitAfterDrain = false;
  /** Hosted actors whose handover has not begun. */
  #queue: Activation[] = [];
  readonly #releasing = new Set<Activation>();
  /** Released, and the leader has not said that it knows. */
  readonly #released = new Map<string, { readonly activation: Activation }>();
  #left = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** SIGTERM. */
  leave(): void {
    this.#exitAfterDrain = true;
    if (this.#wish === 'stay') this.#wish = 'leaving';
    this.tick();
    this.#leaveWhenEmpty();
  }

  /** The leader has journaled that nothing more is placed here. */
  onDrain(): void {
    if (this.#wish === 'draining') return;
    this.#wish = 'draining';
    this.#queue = [...this.#core.actors.values()];
    this.#next();
    this.#leaveWhenEmpty();
  }

  /** True when the leader was told that nothing is left here. */
  get left(): boolean {
    return this.#left;
  }

  /** Placed before the leader knew of the drain, and told here after it. */
  onPlaced(activation: Activation): void {
    if (this.#wish === 'draining') this.#queue.push(activation);
  }

  onLive(activation: Activation): void {
    if (this.#wish !== 'draining') return;
    if (this.#releasing.has(activation)) this.#release(activation);
  }

  onTurnEnd(activation: Activation): void {
    if (this.#releasing.has(activation)) this.#release(activation);
  }

  onCheckpointed(activation: Activation): void {
    if (this.#releasing.has(activation)) this.#release(activation);
  }

  onTaskEnd(): void {
    this.#leaveWhenEmpty();
  }

  /** Actors that were destroyed are here no longer. */
  onDropped(): void {
    this.#leaveWhenEmpty();
  }

  onReleaseSeen(actors: readonly { readonly actor: string; readonly epoch: number }[]): void {
    for (const { actor, epoch } of actors) {
      const released = this.#released.get(actor)?.activation;
      if (released === undefined || released.epoch > epoch) continue;
      this.#released.delete(actor);
      this.#core.hosting.drop(released);
    }
    this.#leaveWhenEmpty();
  }

  /** `die` after `left`: all is well. */
  onDie(): void {
    if (this.#left) this.#core.out.send({ kind: 'exit' });
  }

  /** Every `resendMs`. */
  tick(): void {
    const { incarnation } = this.#core.config;
    if (this.#wish === 'leaving') {
      this.#core.out.send({ kind: 'to-leader', message: { kind: 'leaving', incarnation } });
    }
    if (this.#wish === 'draining') {
      for (const activation of this.#releasing) this.#release(activation);
      this.#next();
    }
    if (this.#released.size > 0)
      this.#tell([...this.#released.values()].map((one) => one.activation));
    if (this.#left)
      this.#core.out.send({ kind: 'to-leader', message: { kind: 'left', incarnation } });
  }

  #next(): void {
    while (this.#releasing.size < releasingMax) {
      const activation = this.#queue.pop();
      if (activation === undefined) return;
      if (activation.phase === 'released' || activation.wish.kind === 'ending') continue;
      this.#releasing.add(activation);
      if (activation.phase === 'live') activation.phase = 'releasing';
      this.#release(activation);
    }
  }

  /** Goes one step further with this actor, if it can. */
  #release(activation: Activation): void {
    if (activation.wish.kind === 'ending') {
      this.#releasing.delete(activation);
      return;
    }
    if (activation.phase === 'live') activation.phase = 'releasing';
    const settled = activation.phase === 'releasing' || activation.phase === 'cold';
    if (!settled || activation.dispatched.length > 0 || activation.reads.size > 0) return;
    if (activation.checkpoint.underWay !== undefined) return;
    if (this.#core.checkpointing.isBehind(activation) || activation.chain.length > 0) {
      if (activation.phase === 'cold') this.#core.hosting.wake(activation);
      else this.#core.checkpointing.begin(activation);
      return;
    }
    this.#releasing.delete(activation);
    activation.phase = 'releasing';
    // Else the end of its runner would bring it back to life (V1).
    this.#core.hosting.leaveRunner(activation);
    this.#core.mailboxes.sendAway(activation);
    this.#core.out.append({
      kind: 'actor-released',
      actor: activation.id,
      epoch: activation.epoch,
    });
    this.#released.set(activation.id, { activation });
    this.#tell([activation]);
  }

  #tell(activations: readonly Activation[]): void {
    const { incarnation } = this.#core.config;
    for (const actors of inMessages(activations)) {
      this.#core.out.send({
        kind: 'to-leader',
        message: { kind: 'released', incarnation, actors },
      });
    }
  }

  #leaveWhenEmpty(): void {
    if (this.#wish !== 'draining' || this.#left || !this.#exitAfterDrain) return;
    if (this.#core.actors.size > 0 || !this.#core.tasks.idle) return;
    this.#left = true;
    const { incarnation } = this.#core.config;
    this.#core.out.send({ kind: 'to-leader', message: { kind: 'left', incarnation } });
  }
}
