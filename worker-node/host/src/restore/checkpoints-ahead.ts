/**
 * Checkpoints read ahead for actors that are about to be placed here: kept for a while, for as many
 * bytes as there is room for. Whatever is not here is read when it is needed.
 */
import type { Clock, StoredCheckpoint } from '@troupe/fabric';
import { type ActorId, limits } from '@troupe/model';

const keepMs = 60_000;

interface Kept {
  readonly checkpoint: StoredCheckpoint;
  readonly bytes: number;
  readonly at: number;
}

export class CheckpointsAhead {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #kept = new Map<ActorId, Kept>();
  #bytes = 0;
  #sweeping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(actor: ActorId, checkpoint: StoredCheckpoint | undefined): void {
    this.#forget(actor);
    if (checkpoint === undefined) return;
    const bytes = checkpoint.body.length + (checkpoint.base?.length ?? 0);
    if (this.#bytes + bytes > limits.preparedBytesMax) return;
    this.#kept.set(actor, { checkpoint, bytes, at: this.#clock.now() });
    this.#bytes += bytes;
    this.#sweepLater();
  }

  take(actor: ActorId): StoredCheckpoint | undefined {
    const kept = this.#kept.get(actor);
    this.#forget(actor);
    return kept?.checkpoint;
  }

  #forget(actor: ActorId): void {
    this.#bytes -= this.#kept.get(actor)?.bytes ?? 0;
    this.#kept.delete(actor);
  }

  #sweepLater(): void {
    if (this.#sweeping || this.#kept.size === 0) return;
    this.#sweeping = true;
    this.#clock.after(keepMs, () => {
      this.#sweeping = false;
      const old = this.#clock.now() - keepMs;
      for (const [actor, { at }] of this.#kept) if (at <= old) this.#forget(actor);
      this.#sweepLater();
    });
  }
}
