/**
 * A drained node hands all its actors over (`departures.ts`), and leaves when nothing is left here. One
 * that is not drained hands over those that the leader names.
 */
import type { Leave } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';

export class Handover {
  readonly #core: Core;
  #wish: 'stay' | 'leaving' | 'draining' = 'stay';
  #exitAfterDrain = false;
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
    for (const activation of [...this.#core.actors.values()]) {
      this.#core.departures.begin(activation);
    }
    this.#leaveWhenEmpty();
  }

  /** True when the leader was told that nothing is left here. */
  get left(): boolean {
    return this.#left;
  }

  /** Placed before the leader knew of the drain and told here after it, or wished elsewhere. */
  onPlaced(activation: Activation, leave: Leave | undefined): void {
    if (leave !== undefined || this.#wish === 'draining') {
      this.#core.departures.begin(activation, leave);
    }
  }

  onTaskEnd(): void {
    this.#leaveWhenEmpty();
  }

  /** Actors that were destroyed are here no longer. */
  onDropped(): void {
    this.#leaveWhenEmpty();
  }

  onReleaseSeen(actors: readonly { readonly actor: string; readonly epoch: number }[]): void {
    this.#core.departures.onReleaseSeen(actors);
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
    this.#core.departures.tick();
    if (this.#left)
      this.#core.out.send({ kind: 'to-leader', message: { kind: 'left', incarnation } });
  }

  #leaveWhenEmpty(): void {
    if (this.#wish !== 'draining' || this.#left || !this.#exitAfterDrain) return;
    if (this.#core.actors.size > 0 || !this.#core.tasks.idle) return;
    this.#left = true;
    const { incarnation } = this.#core.config;
    this.#core.out.send({ kind: 'to-leader', message: { kind: 'left', incarnation } });
  }
}
