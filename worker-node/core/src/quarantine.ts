/**
 * Actors of which two records claim the same turn: somebody has written who should have been fenced, or
 * data of two times was put together. Nobody can tell which is right, so such an actor does not live.
 *
 * Q1  an actor in quarantine takes no turn, and whoever asks it is told why.
 * Q2  the leader is told as long as it lasts. Each attempt to bring the actor back looks anew.
 */
import { type ActorId, type Failure, troupeError } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { NodeFact } from './facts.ts';

/** In one message to the leader. */
const toldMax = 64;

export class Quarantine {
  readonly #core: Core;
  readonly #actors = new Map<Activation, Failure>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** It could not be brought back. */
  onFailed(activation: Activation, failure: Failure): void {
    if (failure.code !== 'PAST_CONFLICT') return;
    this.#actors.set(activation, failure);
    this.#tell();
  }

  /** It lives, or it lives elsewhere. */
  release(activation: Activation): void {
    this.#actors.delete(activation);
  }

  /** Every `resendMs`. */
  tick(): void {
    if (this.#actors.size > 0) this.#tell();
  }

  #tell(): void {
    const { incarnation } = this.#core.config;
    const all = [...this.#actors].map(([{ id, epoch }, failure]) => {
      return { actor: id, epoch, failure };
    });
    for (let from = 0; from < all.length; from += toldMax) {
      const actors = all.slice(from, from + toldMax);
      const message = { kind: 'quarantined', incarnation, actors } as const;
      this.#core.out.send({ kind: 'to-leader', message });
    }
  }
}

/** Throws `PAST_CONFLICT` when two of these facts of an actor are the same turn. */
export function refuseConflict(actor: ActorId, facts: readonly NodeFact[]): void {
  const turns = new Map<number, Extract<NodeFact, { kind: 'turn' }>>();
  for (const fact of facts) {
    if (fact.kind !== 'turn') continue;
    const other = turns.get(fact.seq);
    if (other !== undefined) {
      const epochs = `epochs ${other.epoch} and ${fact.epoch}`;
      const what = `two records claim turn ${fact.seq} of ${actor}, under ${epochs}`;
      throw troupeError('PAST_CONFLICT', what, { actor, turn: fact.seq });
    }
    turns.set(fact.seq, fact);
  }
}
