/** What a call that takes what its method yields is answered with. */
import { decode, encode } from './codec.ts';
import type { Outcome } from './errors.ts';
import type { Bytes } from './ids.ts';

export interface Taken {
  /** Of the first value; where there are none, of the next one. */
  readonly position: number;
  readonly values: readonly Bytes[];
  /** What the call came to, when nothing is left to be taken. */
  readonly end?: Outcome;
}

export function takenOutcome(taken: Taken): Outcome {
  return { ok: true, value: encode(taken) };
}

export function takenIn(value: Bytes): Taken {
  return decode<Taken>(value);
}
