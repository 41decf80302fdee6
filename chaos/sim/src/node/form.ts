/** In which form an actor's state is, and what turns and upgrades record of it: ids that were added, under
 *  the version of the bundle that did so. */
import { type ActorId, type Bytes, decodeValue, encodeValue } from '@troupe/model';

export interface HeldState {
  readonly ids: readonly string[];
  /** Version; 1 when absent, as in the states of version 1. */
  readonly form?: number;
}

type Delta = string | { readonly id?: string; readonly form: number };

export function encodeState({ ids, form }: Required<HeldState>): Bytes {
  return encodeValue(form === 1 ? { ids } : { ids, form });
}

/** An id that was added, or a state that is of another version now. */
export function encodeDelta(form: number, id?: string): Bytes {
  if (id === undefined) return encodeValue({ form });
  return encodeValue(form === 1 ? id : { id, form });
}

/** The id that a turn has added, if it did. */
export function idIn(delta: Bytes): string | undefined {
  const value = decodeValue(delta) as Delta;
  return typeof value === 'object' ? value.id : String(value);
}

/** Without any record of it the state is as the bundle of version `made` makes it. */
export function heldOf(
  state: Bytes | undefined,
  deltas: readonly Bytes[],
  made: number,
): { ids: string[]; form: number } {
  const from = state === undefined ? undefined : (decodeValue(state) as HeldState);
  const ids = [...(from?.ids ?? [])];
  let form = from === undefined ? undefined : (from.form ?? 1);
  for (const delta of deltas) {
    const value = decodeValue(delta) as Delta;
    form = typeof value === 'object' ? value.form : 1;
    const id = idIn(delta);
    if (id !== undefined) ids.push(id);
  }
  return { ids, form: form ?? made };
}

/** States that cannot be migrated: those of one actor in eight. */
export function cannotMigrate(actor: ActorId): boolean {
  let sum = 0;
  for (let at = 0; at < actor.length; at++) sum += actor.charCodeAt(at);
  return sum % 8 === 0;
}
