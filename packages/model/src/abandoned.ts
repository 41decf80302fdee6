/**
 * Turns of an actor that its scope went back behind. Numbers of turns are never used twice, so a number says of
 * which past a turn is.
 *
 * G1  a turn that was abandoned stays so.
 */

/** The first and the last of each stretch of them, oldest first. */
export type Abandoned = readonly (readonly [first: number, last: number])[];

/** Stretches that an actor remembers. */
const stretchesMax = 256;

/** With a stretch that leads up to the last turn of all. Beyond the number the two oldest become one, with what
 *  lies between. */
export function withAbandoned(
  known: Abandoned,
  [first, last]: readonly [first: number, last: number],
): Abandoned {
  if (first > last) return known;
  // What lies beyond its first turn is within it.
  const all = [...known.filter(([, end]) => end < first), [first, last] as const];
  const [oldest, next] = all;
  if (all.length <= stretchesMax || oldest === undefined || next === undefined) return all;
  return [[oldest[0], next[1]], ...all.slice(2)];
}

export function isAbandoned(turn: number, abandoned: Abandoned): boolean {
  return abandoned.some(([first, last]) => first <= turn && turn <= last);
}
