import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Demands, demandTerms } from '../src/demand/index.ts';

function ends(demands: Demands, type: string, cpu: number, used: number, tookMs = 100): void {
  demands.ended({ type, declared: { cpu }, used: { cpu: used }, tookMs });
}

it('finds who declares too much and who too little, and proposes what to declare', () => {
  const demands = new Demands();
  for (let attempt = 0; attempt < 100; attempt++) {
    ends(demands, 'greedy', 4, 0.5 + (attempt % 10) / 100);
    ends(demands, 'modest', 1, 1.5 + (attempt % 10) / 100);
    ends(demands, 'honest', 1, 0.9);
  }
  const findings = demands.findings();
  expect(findings.map(({ type, fault }) => `${type} ${fault}`)).toEqual([
    'greedy over-declared',
    'modest under-declared',
  ]);
  expect(findings[0]?.proposed).toBeGreaterThan(0.59);
  expect(findings[0]?.proposed).toBeLessThan(0.8);
  expect(findings[1]?.proposed).toBeGreaterThan(1.59);
  expect(findings[0]?.reason).toMatch(
    /^greedy declares cpu 4, and 95 % of the latest 100 attempts used at most 0.5\d+; declare 0.6\d?$/,
  );
  expect(demands.findings('honest')).toEqual([]);
  expect(demands.findings('unknown')).toEqual([]);
});

it('finds a resource that was used and never declared', () => {
  const demands = new Demands();
  for (let attempt = 0; attempt < 30; attempt++) {
    demands.ended({ type: 'render', declared: { cpu: 1 }, used: { memory: 2 }, tookMs: 5 });
  }
  expect(demands.findings('render')).toMatchObject([
    { resource: 'memory', fault: 'under-declared', declared: 0, measured: 2, proposed: 2.2 },
  ]);
});

it('accuses nobody by a few attempts, nor by one that went wild', () => {
  const demands = new Demands();
  for (let attempt = 1; attempt < demandTerms.samplesMin; attempt++) ends(demands, 'new', 8, 0.1);
  expect(demands.findings()).toEqual([]);
  for (let attempt = 0; attempt < 200; attempt++)
    ends(demands, 'wild', 1, attempt === 150 ? 50 : 0.8);
  expect(demands.findings('wild')).toEqual([]);
});

it('tells how far off the estimates of durations were, and to which side', () => {
  const demands = new Demands();
  for (let attempt = 0; attempt < 100; attempt++) ends(demands, 'steady', 1, 1, 250);
  expect(demands.durations('steady')).toMatchObject({
    attempts: 100,
    expectedMs: 250,
    errorShare: 0,
    biasShare: 0,
  });
  for (let attempt = 0; attempt < 400; attempt++) {
    ends(demands, 'shrinking', 1, 1, 1_000 - 2 * attempt);
  }
  const shrinking = demands.durations('shrinking');
  expect(shrinking?.biasShare).toBeGreaterThan(0);
  expect(shrinking?.biasShare).toBeCloseTo(shrinking?.errorShare ?? 0);
  expect(demands.durations('unknown')).toBeUndefined();
  expect(demands.expectedMs('unknown')).toBe(100);
});

it('passes over measurements that are none, and forgets the type that was longest unused', () => {
  const demands = new Demands({ ...demandTerms, typesMax: 2 });
  ends(demands, 'a', 1, Number.NaN, 10);
  ends(demands, 'a', 1, 1, Number.NaN);
  expect(demands.durations('a')?.attempts).toBe(1);
  ends(demands, 'b', 1, 1);
  ends(demands, 'a', 1, 1);
  ends(demands, 'c', 1, 1);
  expect([demands.durations('a'), demands.durations('b')]).toEqual([
    expect.objectContaining({ attempts: 2 }),
    undefined,
  ]);
});

it('never proposes less than nearly all of the latest attempts used', () => {
  const uses = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), {
    minLength: demandTerms.samplesMin,
    maxLength: demandTerms.latestMax,
  });
  fc.assert(
    fc.property(uses, (used) => {
      const demands = new Demands();
      for (const one of used) ends(demands, 'any', 1e-9, one);
      const [finding] = demands.findings('any');
      const { proposed } = finding ?? { proposed: 1e-9 };
      if (finding !== undefined) expect(proposed).toBeGreaterThan(finding.measured * 1.0999);
      const covered = used.filter((one) => one <= proposed).length;
      expect(covered).toBeGreaterThanOrEqual(0.95 * used.length);
    }),
  );
});

it('judges a task that was mended by what it does now', () => {
  const demands = new Demands();
  for (let attempt = 0; attempt < 100; attempt++) ends(demands, 'mended', 1, 3);
  expect(demands.findings('mended')).toHaveLength(1);
  for (let attempt = 0; attempt < 100; attempt++) ends(demands, 'mended', 1, 0.8);
  expect(demands.findings('mended')).toEqual([]);
});
