/** Which faults come when. */
import { expect, it } from 'vitest';
import { goesOn, owedKinds, timesDue } from '../src/faults/due.ts';
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

const minute = 60_000;

it('every kind is due once in ten minutes and three times in half an hour (U1)', () => {
  expect([9, 10, 29, 30, 60].map((minutes) => timesDue(minutes * minute))).toEqual([0, 1, 1, 3, 3]);
});

it('a run goes on beyond its time for a kind that has not come, at most as long again (U2)', () => {
  const next = (minutes: number, owed: number) => goesOn(minutes * minute, 10 * minute, owed);
  expect(next(9, 0)).toBe(true);
  expect(next(10, 0)).toBe(false);
  expect(next(10, 1)).toBe(true);
  expect(next(20, 1)).toBe(false);
});

it('a kind that befell nobody has not come (U1)', () => {
  const line = { kind: 'fault', round: 1, target: '', from: 0, until: 1 } as const;
  const faults = [
    { ...line, fault: 'split', skipped: 'there was nobody to do it to' },
    { ...line, fault: 'upgrade', befallen: 0 },
    { ...line, fault: 'kill-node' },
  ];
  expect(owedKinds(['split', 'upgrade', 'kill-node', 'twin-node'], faults, 1)).toEqual([
    { kind: 'split', times: 0 },
    { kind: 'upgrade', times: 0 },
    { kind: 'twin-node', times: 0 },
  ]);
});
