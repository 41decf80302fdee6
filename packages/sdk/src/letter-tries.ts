/** How often a letter is tried whose turn fails, as users say it. */
import {
  type LetterTries,
  letterTriesDefault,
  letterTriesFault,
  type Retries,
  retriesOf,
  troupeError,
} from '@troupe/model';

export interface LetterOptions {
  /** Tries of a letter after the first, each a turn of its own; 0 unless given. When the last one has
   *  failed the letter is dead: it lies with its receiver until somebody delivers it anew. With `'unlimited'` that
   *  comes only of what is not tried again at all: what crashes its runners or could not be undone. */
  readonly retries?: Retries;
  /** Wait before each further try; the last one repeats. 1 s unless given. Meanwhile the letters after it
   *  of its sender wait, so that their order holds. Unlimited tries are a second apart at least. */
  readonly backoffMs?: number | readonly number[];
}

function listOf(given: number | readonly number[]): readonly number[] {
  return Array.isArray(given) ? [...given] : [given as number];
}

/** Undefined when nothing is said; throws at what cannot be. */
export function letterTriesOf(what: string, options: LetterOptions): LetterTries | undefined {
  const { retries, backoffMs } = options;
  if (retries === undefined && backoffMs === undefined) return undefined;
  const { retries: once, backoffMs: waits } = letterTriesDefault;
  const tries: LetterTries = {
    retries: retries === undefined ? once : retriesOf(retries),
    backoffMs: backoffMs === undefined ? waits : listOf(backoffMs),
  };
  const fault = letterTriesFault(what, tries);
  if (fault !== undefined) throw troupeError('INVALID_ARGUMENT', fault);
  return tries;
}
