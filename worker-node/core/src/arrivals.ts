/**
 * Actors that another node is about to hand over to this one: their bundle is loaded and their
 * checkpoint read ahead. A hint; whatever is missing is done when they are placed here.
 *
 * R2  at most `comingMax` are prepared for; the sender of another one hears at once that nothing more
 *     is to be waited for.
 */
import type { ActorId, Prepare } from '@troupe/model';
import type { Core } from './core.ts';

interface Coming {
  prepare: Prepare;
  ready: boolean;
  readonly since: number;
}

const comingMax = 1_024;
/** Who has not come so long after is not waited for. */
const comingMs = 60_000;

export class Arrivals {
  readonly #core: Core;
  /** The oldest first. */
  readonly #coming = new Map<ActorId, Coming>();

  constructor(core: Core) {
    this.#core = core;
  }

  onPrepare(prepare: Prepare): void {
    const { actor, epoch, bundle } = prepare;
    const known = this.#coming.get(actor);
    if (known !== undefined && known.prepare.epoch >= epoch) {
      known.prepare = prepare;
      if (known.ready) this.#answer(prepare);
      return;
    }
    if (known === undefined && this.#coming.size >= comingMax) return this.#answer(prepare);
    this.#coming.delete(actor);
    this.#coming.set(actor, { prepare, ready: false, since: this.#core.now });
    this.#core.runners.acquire(bundle, (got) => {
      if (typeof got === 'number') this.#core.runners.release(got);
      this.#core.out.work({ kind: 'read-ahead', actor, epoch });
    });
  }

  /** It was read, or cannot be: that will be told when it is placed. */
  onReadAhead(actor: ActorId, epoch: number): void {
    const coming = this.#coming.get(actor);
    if (coming?.prepare.epoch !== epoch) return;
    coming.ready = true;
    this.#answer(coming.prepare);
  }

  onPlaced(actor: ActorId): void {
    this.#coming.delete(actor);
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const [actor, { since }] of this.#coming) {
      if (this.#core.now - since < comingMs) return;
      this.#coming.delete(actor);
    }
  }

  #answer({ actor, epoch, from }: Prepare): void {
    this.#core.out.send({
      kind: 'to-node',
      node: from,
      message: { kind: 'prepared', actor, epoch },
    });
  }
}
