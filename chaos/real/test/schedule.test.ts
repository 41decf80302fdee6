/** Which faults come when. */
import { expect, it } from 'vitest';
import { type FaultKind, faultKinds, faultOf } from '../src/faults/kinds.ts';
import { type Round, rounds } from '../src/faults/schedule.ts';
import { Random } from '../src/random.ts';

function firstRounds(seed: string, count: number): Round[] {
  const drawn: Round[] = [];
  for (const round of rounds(new Random(seed), faultKinds)) {
    if (drawn.length === count) break;
    drawn.push(round);
  }
  return drawn;
}

it('the same seed deals the same rounds, another one others (C2)', () => {
  expect(firstRounds('7', 50)).toEqual(firstRounds('7', 50));
  expect(firstRounds('7', 50)).not.toEqual(firstRounds('8', 50));
});

it('no kind comes again before all have come (C1)', () => {
  const dealt = firstRounds('7', 200).flatMap((round) => round.map(({ kind }) => kind));
  for (let at = 0; at + faultKinds.length <= dealt.length; at += faultKinds.length) {
    expect(new Set(dealt.slice(at, at + faultKinds.length)).size).toBe(faultKinds.length);
  }
});

it('faults come alone and together, and each lasts as long as its kind may', () => {
  const drawn = firstRounds('7', 200);
  expect(new Set(drawn.map((round) => round.length))).toEqual(new Set([1, 2, 3]));
  for (const { kind, lastsMs } of drawn.flat()) {
    const [least, most] = faultOf(kind).lastsMs;
    expect(lastsMs).toBeGreaterThanOrEqual(least);
    expect(lastsMs).toBeLessThanOrEqual(most);
  }
});

it('a kind that is given back comes again in the next round (C3)', () => {
  const givenBack: FaultKind[] = [];
  const drawn = rounds(new Random('7'), faultKinds, givenBack);
  drawn.next();
  givenBack.push('split');
  expect(drawn.next().value?.[0]).toMatchObject({ kind: 'split' });
  expect(givenBack).toEqual([]);
});
