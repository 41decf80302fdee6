/** What is said of a checkpoint that holds other bytes than were stored, or that its store does not give any more. */
import type { ActorId } from '@troupe/model';
import { TroupeError, troupeError } from '@troupe/model';

/** The one of this revision, or the last one, which came after that. */
type Damage = { readonly revision: number } | { readonly after: number };

export function damageOf(reason: unknown): Damage | undefined {
  if (!(reason instanceof TroupeError) || reason.code !== 'LOG_CORRUPT') return undefined;
  const { revision } = reason.details;
  return typeof revision === 'number' ? { revision } : lostCheckpoint(reason);
}

export function lostCheckpoint(reason: unknown): { readonly after: number } | undefined {
  if (!(reason instanceof TroupeError) || reason.code !== 'LOG_CORRUPT') return undefined;
  const { after } = reason.details;
  return typeof after === 'number' ? { after } : undefined;
}

/** The store gives an older one than was stored. */
export function lostSince(actor: ActorId, known: number, after: number): TroupeError {
  const text = `checkpoint ${known} of "${actor}" is lost: the last one in the store is ${after}`;
  return troupeError('LOG_CORRUPT', text, { key: actor, after });
}
