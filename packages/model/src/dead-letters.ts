/**
 * Dead letters: those whose turns have failed for good. Each lies in the actor that it was sent to,
 * until it is delivered anew with success, or discarded.
 */
import type { Failure } from './errors.ts';
import type { ActorId, Bytes, Incarnation, TenantName } from './ids.ts';
import { limits } from './limits.ts';
import { mayRetry } from './manifest.ts';
import type { Term } from './messages.ts';

/** How often a letter is tried whose turn fails. */
export interface LetterTries {
  /** Tries after the first. */
  readonly retries: number;
  /** Wait before each of them; the last one repeats. */
  readonly backoffMs: readonly number[];
}

export const letterTriesDefault: LetterTries = { retries: 0, backoffMs: [1_000] };

/** The method under which the dead letters of an actor are read, as a call with the arguments
 *  `[after, limit]`: no turn, and no read of user code. */
export const lettersMethod = '$letters';
/** And under which the dead letter of a number is delivered anew, by a turn that the caller awaits. */
export const redeliverMethod = '$redeliver';
/** And under which it is discarded. */
export const discardMethod = '$discard';

export const letterMethods: readonly string[] = [lettersMethod, redeliverMethod, discardMethod];

export interface DeadLetter {
  /** Of this actor; never used again. */
  readonly number: number;
  readonly from: ActorId;
  readonly fromBirth: number;
  /** Its number among the letters of its sender to this actor. */
  readonly letter: number;
  readonly method: string;
  readonly args: Bytes;
  readonly idempotencyKey?: string;
  /** Turns that have failed, those of deliveries anew among them. */
  readonly attempts: number;
  /** Of the last one. */
  readonly failure: Failure;
  /** Wall-clock ms of the first failure for good, for people. */
  readonly at: number;
}

/** As it is read: `args` are decoded, and absent where they are too large for a list. */
export interface DeadLetterView extends Omit<DeadLetter, 'args' | 'failure'> {
  readonly bytes: number;
  readonly code: string;
  readonly message: string;
  readonly args?: readonly unknown[];
}

/** What `$letters` answers with. */
export interface DeadLettersOfActor {
  readonly letters: readonly DeadLetterView[];
  readonly total: number;
  /** What to ask for the next page `after`; absent when this is the last. */
  readonly next?: number;
}

/** An actor with dead letters, in a list of such. */
export interface DeadLettersView {
  readonly actor: string;
  readonly birth: number;
  /** How many it has. */
  readonly count: number;
  /** Wall-clock ms of the oldest. */
  readonly oldestAt: number;
  /** The newest of them. */
  readonly last: {
    readonly number: number;
    readonly from: string;
    readonly method: string;
    readonly attempts: number;
    readonly code: string;
    readonly message: string;
    readonly at: number;
  };
}

/** leader → node, resent until answered: the first of its actors that have dead letters. */
export interface AskDeadLetters {
  readonly kind: 'ask-dead-letters';
  readonly term: Term;
  readonly ask: number;
  readonly tenant: TenantName;
  readonly type?: string;
  /** Those beyond it, in the order of their ids. */
  readonly after?: string;
  readonly limit: number;
}

/** node → leader. */
export interface DeadLettersFound {
  readonly kind: 'dead-letters-found';
  readonly incarnation: Incarnation;
  readonly ask: number;
  readonly actors: readonly (DeadLettersView & { readonly epoch: number })[];
  /** Of all that were asked for on this node: actors with dead letters, and these. */
  readonly total: number;
  readonly letters: number;
  /** Actors of which it is not known yet, since they are being read back, or cannot be. */
  readonly unread: number;
}

/** What is wrong with them, or undefined. */
export function letterTriesFault(what: string, tries: LetterTries): string | undefined {
  const { retries, backoffMs } = tries;
  if (!Number.isSafeInteger(retries) || retries < 0 || !mayRetry(retries, limits.retriesMax)) {
    const must = `a whole number from 0 to ${limits.retriesMax}, or "unlimited"`;
    return `retries of ${what} is ${retries}; it must be ${must}`;
  }
  const most = limits.letterBackoffMsMax;
  const isWait = (ms: number): boolean => Number.isSafeInteger(ms) && ms >= 0 && ms <= most;
  const { length } = backoffMs;
  if (length > 0 && length <= limits.letterBackoffsMax && backoffMs.every(isWait)) return undefined;
  return (
    `backoffMs of ${what} is ${backoffMs.join(', ') || 'empty'}; it must be one to ` +
    `${limits.letterBackoffsMax} whole numbers from 0 to ${most}`
  );
}
