/**
 * Which bundle an actor's state was made by, and the version that it gives to states of its type. It is
 * durable with the state itself: by the turn that upgraded it, and in checkpoints.
 *
 * SC1 a state is only ever given to code of its own version. Of two bundles with one version the one that
 *     was decided on later serves.
 */
import type { Bytes, CodeVersion, PlacedCode } from '@troupe/model';
import { limits } from '@troupe/model';
import type { Activation } from './activation.ts';

/** As it stands in the turn that upgrades. */
export interface UpgradedTo extends CodeVersion {
  /** Position of the rollout. */
  readonly at: number;
  /** The state before, unless it was too large or there was none. */
  readonly former?: FormerState;
}

export interface FormerState extends CodeVersion {
  readonly state: Bytes;
}

export interface StateCode extends UpgradedTo {
  /** Number of the turn that upgraded it. */
  readonly seq: number;
  /** Monotonic ms of this node. */
  readonly since: number;
}

export type StoredStateCode = Omit<StateCode, 'since'> & { readonly age: number };

export function storeCode({ since, ...code }: StateCode, now: number): StoredStateCode {
  const age = now - since;
  if (age <= limits.formerStateMs) return { ...code, age };
  const { former: _, ...kept } = code;
  return { ...kept, age };
}

export function codeFrom({ age, ...code }: StoredStateCode, now: number): StateCode {
  return { ...code, since: now - age };
}

/** What its placement said. */
export interface Placed extends PlacedCode, CodeVersion {}

/** The code that serves a state (SC1). Without a code of its own it is what it was before any rollout. */
export function servingCode(
  { placed }: Pick<Activation, 'placed'>,
  code: StateCode | undefined,
): CodeVersion {
  const own = code ?? placed.first ?? placed;
  const isLater = code !== undefined && code.at > placed.at;
  const { bundle, version } = own.version === placed.version && !isLater ? placed : own;
  return { bundle, version };
}
