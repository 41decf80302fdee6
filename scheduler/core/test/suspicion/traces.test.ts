import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/generator.ts';
import { Judge } from './judge.ts';
import {
  type Condition,
  conditions,
  type Detector,
  fixed,
  stalls,
  type Witness,
  watchOver,
} from './traces.ts';

const seed = Number(process.env['TROUPE_SEED'] ?? 4);
const hours = Number(process.env['TROUPE_HOURS'] ?? 2);
const nodes = 100;
const ours = (witness: Witness): Detector => new Judge(witness);

function found(make: (witness: Witness) => Detector, condition: Condition) {
  const generator = new Generator(seed);
  const watched = watchOver(make, condition, { nodes, hours, chance: () => generator.next() });
  const { detectionMs, falseAlarms, nodeHours, missed } = watched;
  const p99Ms = detectionMs[Math.ceil(0.99 * detectionMs.length) - 1] ?? 0;
  return { p99Ms, deaths: detectionMs.length, missed, per1000: (1_000 * falseAlarms) / nodeHours };
}

describe('in the machine a node that dies is known within 5 s in 99 of 100 cases, and nobody else is called dead', () => {
  it.each(conditions.map((one) => [one.name, one] as const))('under %s', (_name, condition) => {
    const { p99Ms, deaths, missed, per1000 } = found(ours, condition);
    expect(deaths, `seed ${seed}`).toBeGreaterThan(200);
    expect(missed, `seed ${seed}`).toBe(0);
    expect(p99Ms, `seed ${seed}`).toBeLessThan(5_000);
    expect(per1000, `seed ${seed}`).toBeLessThan(1);
  });

  it('which no fixed limit of silence does', () => {
    const pauses = conditions.find(({ pausesAnHour }) => pausesAnHour > 0);
    if (pauses === undefined) throw new Error('there is a condition with pauses');
    expect(found(() => fixed(4_000), pauses).per1000).toBeGreaterThan(1);
    expect(found(() => fixed(7_000), pauses).p99Ms).toBeGreaterThan(5_000);
  });
});

it('an observer that stands still now and then calls nobody dead for it, and misses nobody', () => {
  const { deaths, missed, per1000 } = found(ours, stalls);
  expect(deaths, `seed ${seed}`).toBeGreaterThan(200);
  expect(missed, `seed ${seed}`).toBe(0);
  expect(per1000, `seed ${seed}`).toBeLessThan(1);
  // Nor does it need a witness for that.
  expect(found(() => new Judge(), stalls).per1000, `seed ${seed}`).toBeLessThan(1);
  expect(found(() => fixed(4_000), stalls).per1000).toBeGreaterThan(1);
});
