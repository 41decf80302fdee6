/**
 * Which faults come when: drawn from a seed alone.
 *
 * C1  kinds are dealt like cards: none comes again before all have come.
 * C2  the same seed and kinds deal the same rounds.
 */
import { Random } from './random.ts';

export interface Planned<Kind> {
  readonly kind: Kind;
  /** After the beginning of its round. */
  readonly afterMs: number;
  readonly lastsMs: number;
  /** Whom it befalls: a number to choose with among those that are there then. */
  readonly draw: number;
}

/** Faults that overlap; the next round begins when the cluster is whole again after this one. */
export type Round<Kind> = readonly Planned<Kind>[];

/** How long a kind of fault lasts, at least and at most. */
export type Lasts<Kind> = (kind: Kind) => readonly [leastMs: number, mostMs: number];

const together = [1, 1, 1, 2, 2, 3];
const afterMsMax = 2_000;
const drawMax = 2 ** 31 - 1;

export function* plannedRounds<Kind>(
  seed: string,
  kinds: readonly Kind[],
  lasts: Lasts<Kind>,
): Generator<Round<Kind>> {
  const random = new Random(seed);
  let deck: Kind[] = [];
  while (kinds.length > 0) {
    const size = random.pick(together) ?? 1;
    const round: Planned<Kind>[] = [];
    while (round.length < size) {
      if (deck.length === 0) deck = random.shuffled(kinds);
      const kind = deck.shift();
      if (kind === undefined) break;
      const afterMs = round.length === 0 ? 0 : random.between(0, afterMsMax);
      const lastsMs = random.between(...lasts(kind));
      round.push({ kind, afterMs, lastsMs, draw: random.between(0, drawMax) });
    }
    yield round;
  }
}
