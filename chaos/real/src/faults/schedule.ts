/**
 * Which faults come when: drawn from a seed alone.
 *
 * C1  kinds are dealt like cards: none comes again before all have come.
 * C2  the same seed and kinds deal the same rounds, as long as nothing is given back.
 * C3  a kind that is given back, since it befell nobody, comes again in the next round.
 */
import type { Random } from '../random.ts';
import { type FaultKind, faultOf } from './kinds.ts';

export interface Planned {
  readonly kind: FaultKind;
  /** After the beginning of its round. */
  readonly afterMs: number;
  readonly lastsMs: number;
}

/** Faults that overlap; the next round begins when the cluster has healed from this one. */
export type Round = readonly Planned[];

const together = [1, 1, 2, 2, 3];
const afterMsMax = 2_000;

export function* rounds(
  random: Random,
  kinds: readonly FaultKind[],
  givenBack: FaultKind[] = [],
): Generator<Round> {
  let deck: FaultKind[] = [];
  while (kinds.length > 0) {
    const size = random.pick(together) ?? 1;
    const round: Planned[] = [];
    while (round.length < size) {
      if (deck.length === 0) deck = random.shuffled(kinds);
      // C3: one of a round, so that what can befall nobody at present does not fill it.
      const kind = (round.length === 0 ? givenBack.shift() : undefined) ?? deck.shift();
      if (kind === undefined) break;
      const [least, most] = faultOf(kind).lastsMs;
      const afterMs = round.length === 0 ? 0 : random.between(0, afterMsMax);
      round.push({ kind, afterMs, lastsMs: random.between(least, most) });
    }
    yield round;
  }
}
