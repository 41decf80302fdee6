/** What a bundle declares, found by loading it in a runner. */
import type { LetterTries } from './dead-letters.ts';
import type { PlacementWishes } from './placement.ts';
import type { Workflow } from './workflow.ts';

/** Amounts a task reserves or a node offers: `cpu` in cores, `memory` in MiB, custom names free. */
export interface Resources {
  readonly [name: string]: number;
}

export interface ActorManifest {
  readonly type: string;
  readonly methods: readonly string[];
  /** Methods that see the state of the last turn boundary and commit nothing. */
  readonly reads: readonly string[];
  readonly turnLimitMs?: number;
  /** How long turns may wait for signals while their callers await them, beside that limit. */
  readonly waitsMs?: number;
  /** How often letters are tried whose turns fail, and those to some of its methods. */
  readonly letters?: LetterTries;
  readonly lettersOf?: { readonly [method: string]: LetterTries };
  /** Its actors are asked so often whether they are well. */
  readonly healthMs?: number;
  /** What becomes of its actors when they fail again and again. */
  readonly restart?: RestartPolicy;
  /** Reads of which only so many run at once; others are not bounded. */
  readonly groups?: readonly ReadGroup[];
  /** Version of its states; 1 when absent. A state of an earlier one is migrated. */
  readonly version?: number;
}

/** An actor that fails twice in a row is held back for `backoffMs`, and for twice as long each time after that. */
export interface RestartPolicy {
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** In a row: then it is given up. Absent: never. */
  readonly failuresMax?: number;
}

export interface ReadGroup {
  readonly name: string;
  readonly most: number;
  readonly reads: readonly string[];
}

export interface TaskManifest {
  readonly name: string;
  readonly resources: Resources;
  /** Tries after the first. */
  readonly retries: number;
  readonly backoffMs: readonly number[];
  readonly limitMs: number;
  readonly placement?: PlacementWishes;
}

/** Retries of what is tried again until it ends well, or in a way in which it always would. Greater
 *  than what any attempt is numbered. */
export const unlimitedRetries = 2_147_483_647;

/** As it is written by users. */
export type Retries = number | 'unlimited';

export function retriesOf(retries: Retries): number {
  return retries === 'unlimited' ? unlimitedRetries : retries;
}

/** Whether so many tries are allowed to be asked for. */
export function mayRetry(retries: number, retriesMax: number): boolean {
  return retries <= retriesMax || retries === unlimitedRetries;
}

export interface Manifest {
  /** Version of `@troupe/sdk` in the bundle. */
  readonly sdk: string;
  readonly actors: readonly ActorManifest[];
  readonly tasks: readonly TaskManifest[];
  readonly workflows: readonly Workflow[];
}

export const emptyManifest: Manifest = { sdk: '', actors: [], tasks: [], workflows: [] };

/** The built-in task that calls an actor for a `call` block; input `{ type, key, method, args }`. */
export const callTask = '$call';
/** The method under which a signal travels, as a call with the arguments `[name, value]`. It is no
 *  turn: the node keeps the value until a turn waits for it. */
export const signalMethod = '$signal';
/** The read by which a node asks an actor whether it is well. Nobody else can ask for it. */
export const healthMethod = '$health';
