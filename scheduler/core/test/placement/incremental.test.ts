import { strategyNames } from '@troupe/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type Demand,
  Placement,
  planPreemption,
  type StrategyName,
} from '../../src/placement/index.ts';
import { Ranking } from '../../src/placement/ranking.ts';

const mix = [
  { cpu: 2000, gpuCount: 1, gpuMilli: 1000, models: [], probability: 0.4 },
  { cpu: 1000, gpuCount: 1, gpuMilli: 300, models: ['T4'], probability: 0.3 },
  { cpu: 4000, gpuCount: 2, gpuMilli: 1000, models: [], probability: 0.2 },
  { cpu: 1000, gpuCount: 0, gpuMilli: 0, models: [], probability: 0.1 },
];
const tasks = [{ label: 'app', op: 'exists' }] as const;
const demands: readonly Demand[] = [
  { resources: { cpu: 1 } },
  { resources: { cpu: 2, gpu: 1 } },
  { resources: { cpu: 1, gpu: 0.3 }, gpuModels: ['T4'] },
  { resources: { cpu: 0.5, gpu: 0.7 } },
  { resources: { cpu: 1 }, labels: { app: 'x' }, apart: [{ tasks, across: 'node' }] },
  { resources: {}, gpus: { count: 2, milli: 250 }, labels: { app: 'y' } },
  {
    resources: { cpu: 0.1 },
    labels: { app: 'z' },
    spread: [{ tasks, across: 'zone', skewMax: 2, required: true }],
  },
  {
    resources: { cpu: 0.2 },
    labels: { app: 'w' },
    spread: [{ tasks, across: 'zone', skewMax: 1, required: false }],
  },
  { resources: { memory: 10 }, nodesPreferred: [{ weight: 3, term: tasks }] },
];

const step = fc.record({
  kind: fc.constantFrom('join', 'leave', 'cordon', 'change', 'end', ...Array(6).fill('place')),
  number: fc.nat(11),
  demand: fc.nat(demands.length - 1),
});

it('never overcommits a node, and what is kept equals what is built anew', () => {
  const strategies = strategyNames.filter((name) => name !== 'round-robin');
  fc.assert(
    fc.property(
      fc.constantFrom<StrategyName>(...strategies),
      fc.array(step, { maxLength: 80, size: 'max' }),
      (strategy, steps) => {
        const kept = new Placement({ strategy, mix });
        for (const [at, each] of steps.entries()) advance(kept, at, each);
        kept.check();
        const anew = new Placement({ strategy, mix });
        const sites = [...kept.sites()].sort((left, right) => left.slot - right.slot);
        for (const { spec, cordoned } of sites) anew.addNode({ ...spec, cordoned });
        for (const { task, site, gpus } of kept.grants()) anew.reserve(task, site.spec.name, gpus);
        for (const demand of demands) {
          const choices = [kept, anew].map((placement) => {
            const choice = placement.choose({ id: 'next', ask: placement.ask(demand) });
            return choice.kind === 'placed' ? choice : choice.explain();
          });
          expect(choices[0]).toEqual(choices[1]);
        }
      },
    ),
    { numRuns: 150 },
  );
});

function advance(
  placement: Placement,
  at: number,
  { kind, number, demand }: { kind: string; number: number; demand: number },
): void {
  const name = `n${number}`;
  const labels = { zone: `z${number % 3}`, ...(number % 2 === 0 && { app: 'node' }) };
  const resources = { cpu: 2 + (number % 4), memory: 100, gpu: number % 4 };
  const spec = { name, resources, labels, gpuModel: number % 2 === 0 ? 'T4' : 'A10' };
  const present = placement.site(name) !== undefined;
  if (kind === 'join' && !present) placement.addNode(spec);
  if (kind === 'leave' && present) placement.removeNode(name);
  if (kind === 'cordon' && present) placement.cordon(name, number % 3 === 0);
  if (kind === 'change' && present) {
    placement.changeNode({ ...spec, labels: { zone: 'z9' }, bundles: [] });
  }
  if (kind === 'end') {
    for (const { task } of placement.grants()) {
      placement.end(task.id);
      break;
    }
  }
  if (kind === 'place') {
    const ask = placement.ask(demands[demand] ?? { resources: {} });
    const task = { id: `t${at}`, ask, priority: number % 3, at };
    const choice = placement.place(task);
    if (choice.kind === 'placed') return;
    const { nodeCount, reasons } = choice.explain();
    expect(reasons.reduce((sum, { count }) => sum + count, 0)).toBe(nodeCount);
    const plan = planPreemption(placement, task, at);
    if (plan.kind === 'refused') return;
    for (const victim of plan.victims) placement.end(victim.task);
    const site = placement.site(plan.node);
    expect(site !== undefined && placement.placeOn(site, task)).toBe(true);
  }
}

it('a ranking answers as a scan of all its slots would', () => {
  const change = fc.tuple(fc.nat(2_999), fc.option(fc.nat(5), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60, size: 'max' }), (changes) => {
      const ranking = new Ranking(3_000);
      const keys = new Map<number, number>();
      for (const [slot, key] of changes) {
        ranking.set(slot, key ?? Number.NEGATIVE_INFINITY);
        if (key === undefined) keys.delete(slot);
        else keys.set(slot, key);
      }
      const sorted = [...keys].sort((left, right) => right[1] - left[1] || left[0] - right[0]);
      const open = [...keys.keys()].sort((left, right) => left - right);
      expect(ranking.best()).toBe(sorted[0]?.[0] ?? -1);
      expect(ranking.count).toBe(open.length);
      expect(open.map((_, n) => ranking.nth(n))).toEqual(open);
      const even = (slot: number) => slot % 2 === 0;
      expect(ranking.bestWhere(even)).toBe(sorted.find(([slot]) => even(slot))?.[0] ?? -1);
      const bonus = (slot: number) => slot % 3;
      const raised = sorted.map(([slot, key]) => ({ slot, key: key + bonus(slot) }));
      raised.sort((left, right) => right.key - left.key || left.slot - right.slot);
      expect(ranking.bestWhere(() => true, bonus, 2)).toBe(raised[0]?.slot ?? -1);
    }),
    { numRuns: 100 },
  );
});

it('a cluster that has outgrown what was kept of it chooses among all its nodes', () => {
  const placement = new Placement({ strategy: 'best-fit', mix });
  const ask = placement.ask({ resources: { cpu: 1 } });
  placement.addNode({ name: 'n0', resources: { cpu: 4 } });
  expect(placement.choose({ id: 't', ask })).toMatchObject({ node: 'n0' });
  for (let number = 1; number < 200; number++) {
    placement.addNode({ name: `n${number}`, resources: { cpu: number === 150 ? 1 : 4 } });
  }
  placement.check();
  expect(placement.choose({ id: 't', ask })).toMatchObject({ node: 'n150' });
  placement.check();
});

it('a cluster whose nodes come and go for long keeps no trace of those that went', () => {
  const placement = new Placement({ strategy: 'first-fit', mix });
  const ask = placement.ask({ resources: { cpu: 1 } });
  for (let number = 0; number < 500; number++) {
    placement.addNode({ name: `n${number}`, resources: { cpu: 1 } });
    if (number >= 3) placement.removeNode(`n${number - 3}`);
    const choice = placement.choose({ id: 't', ask });
    expect(choice).toMatchObject({ node: `n${Math.max(0, number - 2)}` });
  }
  expect(Math.max(...[...placement.sites()].map(({ slot }) => slot))).toBeLessThan(80);
  placement.check();
});
