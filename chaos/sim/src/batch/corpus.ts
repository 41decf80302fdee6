/** Seeds that once failed, run first in every batch: one a line, then what they found. */
import { readFileSync } from 'node:fs';

const file = new URL('../../corpus.txt', import.meta.url);

export function corpus(): readonly number[] {
  const seeds: number[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const seed = Number.parseInt(line, 10);
    if (Number.isInteger(seed)) seeds.push(seed);
  }
  return seeds;
}
