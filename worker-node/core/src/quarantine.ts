/**
 * Actors of which two records or checkpoints claim the same turn: somebody has written who should have been fenced, or
 * data of two times was put together. Nobody can tell which is right, so such an actor does not live.
 *
 * Q1  an actor in quarantine takes no turn, and whoever asks it is told why.
 * Q2  the leader is told as long as it lasts. Each attempt to bring the actor back looks anew.
 * Q3  no turn has two records.
 * Q4  whoever writes under a later epoch has read what was checkpointed under the ones before: its turns follow.
 * Q5  a checkpoint that cannot be true beside the one that was to be stored is not replaced.
 */
import {
  type ActorId,
  actorParts,
  type Failure,
  type TroupeError,
  troupeError,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { CheckpointHead } from './checkpoint.ts';
import type { Core } from './core.ts';
import type { RivalCheckpoint } from './events.ts';
import type { NodeFact } from './facts.ts';

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;

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

  /** Q5: under a later epoch than that was written under, it had read less than that holds. */
  onRival(
    activation: Activation,
    seq: number,
    { epoch, seq: turn, revision }: RivalCheckpoint,
  ): void {
    const { id } = activation;
    const what = `checkpoint ${revision} claims turn ${turn} of ${id}, under epoch ${epoch}`;
    const beside = `and another one turn ${seq}, under epoch ${activation.epoch}`;
    const failure = conflict(`${what}, ${beside}`, { actor: id, seq }, revision).toFailure();
    if (epoch < activation.epoch) return this.#core.hosting.giveUp(activation, failure);
    // It lives elsewhere by now, by the other one.
    const text = `${failure.code}: ${failure.message}; the latter is not stored`;
    this.#core.out.work({ kind: 'log', level: 'error', text });
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

/** Throws `PAST_CONFLICT` when two of these facts of an actor are the same turn (Q3), or one of them is a turn that the
 *  checkpoint before them holds, under a later epoch than that was written under (Q4). */
export function refuseConflict(
  actor: ActorId,
  facts: readonly NodeFact[],
  checkpoint?: { readonly head: CheckpointHead; readonly revision: number },
): void {
  const turns = new Map<number, TurnFact>();
  for (const fact of facts) {
    if (fact.kind !== 'turn') continue;
    const other = turns.get(fact.seq);
    if (other !== undefined) {
      const epochs = `epochs ${other.epoch} and ${fact.epoch}`;
      const what = `two records claim turn ${fact.seq} of ${actor}, under ${epochs}`;
      throw conflict(what, fact, checkpoint?.revision);
    }
    turns.set(fact.seq, fact);
    if (checkpoint === undefined) continue;
    const { head, revision } = checkpoint;
    if (fact.epoch <= head.epoch || fact.seq > head.seq) continue;
    const epochs = `epochs ${head.epoch} and ${fact.epoch}`;
    const both = `checkpoint ${revision} and a record both claim turn ${fact.seq}`;
    throw conflict(`${both} of ${actor}, under ${epochs}`, fact, revision);
  }
}

/** Says what can still be had: nobody goes back to a turn of it, since it does not live. */
function conflict(
  what: string,
  { actor, seq }: Pick<TurnFact, 'actor' | 'seq'>,
  revision: number | undefined,
): TroupeError {
  const details = { actor, turn: seq };
  if (revision === undefined) return troupeError('PAST_CONFLICT', what, details);
  const { type, key } = actorParts(actor);
  const fork = `troupe checkpoints fork ${type}/${key} ${revision} NEW-KEY`;
  const next = `\`${fork}\` makes an actor with the state of its last checkpoint`;
  return troupeError('PAST_CONFLICT', `${what}; ${next}`, { ...details, checkpoint: revision });
}
