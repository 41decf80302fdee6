import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Resources, StrategyName } from '@troupe/model';
import { describe, expect, it, test } from 'vitest';
import { type NodeSpec, Placement } from '../../src/placement/index.ts';

const shared =
  process.env['TROUPE_SHARED'] ?? fileURLToPath(new URL('../../../../../shared', import.meta.url));
const file = join(shared, 'lb', 'strategies.json');

interface Amounts {
  readonly id: string;
  readonly cpu: number;
  readonly memoryGb: number;
  readonly gpu: number;
  readonly storageGb: number;
}

interface Cases {
  readonly nodes: readonly Amounts[];
  readonly tasks: readonly (Amounts & { readonly priority: number })[];
  readonly placement: { readonly [strategy: string]: readonly number[] };
}

const absent = existsSync(file) ? '' : ` (skipped: ${file} is not there; see TROUPE_SHARED)`;

describe.skipIf(absent !== '')(`four nodes and eight tasks of the shared data${absent}`, () => {
  const cases: Cases =
    absent === ''
      ? JSON.parse(readFileSync(file, 'utf8'))
      : { nodes: [], tasks: [], placement: {} };

  it.each(Object.entries(cases.placement))('%s places each where it must', (name, expected) => {
    const placement = new Placement({ strategy: strategyOf(name) });
    for (const node of cases.nodes) placement.addNode({ name: node.id, resources: amounts(node) });
    const served = [...cases.tasks].sort((left, right) => left.priority - right.priority);
    const places = new Map<string, string>();
    for (const task of served) {
      const ask = placement.ask({ resources: amounts(task) });
      const choice = placement.place({ id: task.id, ask });
      places.set(task.id, choice.kind === 'placed' ? choice.node : choice.explain().text);
    }
    expect(cases.tasks.map(({ id }) => places.get(id))).toEqual(
      expected.map((number) => `node-${number}`),
    );
  });
});

function strategyOf(name: string): StrategyName {
  const names: { readonly [name: string]: StrategyName } = {
    first_fit: 'first-fit',
    best_fit: 'best-fit',
    worst_fit: 'worst-fit',
    round_robin: 'round-robin',
    priority: 'priority',
    load_balanced: 'load-balanced',
    energy_aware: 'energy-aware',
  };
  return names[name] ?? 'locality';
}

function amounts({ cpu, memoryGb, gpu, storageGb }: Amounts): NodeSpec['resources'] {
  return { cpu, memory: memoryGb * 1024, gpu, storage: storageGb };
}

test('a task says which strategy places it, else its tenant, else the cluster', () => {
  const placement = new Placement({ strategy: 'first-fit', tenants: { spare: 'worst-fit' } });
  placement.addNode({ name: 'small', resources: { cpu: 3 } });
  placement.addNode({ name: 'middle', resources: { cpu: 4 } });
  placement.addNode({ name: 'large', resources: { cpu: 8 } });
  const ask = placement.ask({ resources: { cpu: 1 } });
  const balanced = placement.ask({ resources: { cpu: 1 }, strategy: 'round-robin' });
  const go = (id: string, tenant: string, which = ask) => {
    const choice = placement.place({ id, ask: which, tenant });
    return choice.kind === 'placed' ? choice.node : 'nowhere';
  };
  expect(go('a', 'any')).toBe('small');
  expect(go('b', 'spare')).toBe('large');
  expect([go('c', 'any', balanced), go('d', 'spare', balanced)]).toEqual(['small', 'middle']);
});

test('locality goes where most of the data is, and elsewhere when there is no room', () => {
  const placement = new Placement({ strategy: 'locality' });
  for (const name of ['a', 'b', 'c']) placement.addNode({ name, resources: { cpu: 1 } });
  const ask = placement.ask({ resources: { cpu: 1 } });
  const dataOn = [
    { node: 'b', bytes: 10 },
    { node: 'c', bytes: 20 },
    { node: 'gone', bytes: 99 },
    { node: 'a', bytes: 5 },
  ];
  const places = ['1', '2', '3'].map((id) => placement.place({ id, ask, dataOn }));
  expect(places.map((choice) => choice.kind === 'placed' && choice.node)).toEqual(['c', 'b', 'a']);
});

test('energy-aware wakes no node while one that is awake has room', () => {
  const power = {
    gpus: {},
    gpuOther: { idle: 30, full: 300 },
    cpus: {},
    cpuOther: { idle: 15, full: 120, cores: 32 },
  };
  const placement = new Placement({ strategy: 'energy-aware', power, mix: [] });
  for (const name of ['a', 'b', 'c']) placement.addNode({ name, resources: { cpu: 64, gpu: 4 } });
  placement.reserve({ id: '0', ask: placement.ask({ resources: { gpu: 0.5 } }) }, 'b', [2]);
  const part = placement.ask({ resources: { cpu: 1, gpu: 0.25 } });
  const first = placement.place({ id: '1', ask: part });
  const second = placement.place({ id: '2', ask: part });
  expect([first, second]).toMatchObject([
    { node: 'b', gpus: [2] },
    { node: 'b', gpus: [2] },
  ]);
});

test('energy-aware takes the node whose models draw the least, by the watts that are given for them', () => {
  const power = {
    gpus: { hot: { idle: 50, full: 400 }, cool: { idle: 10, full: 70 } },
    gpuOther: { idle: 30, full: 200 },
    cpus: { old: { idle: 60, full: 300, cores: 16 }, new: { idle: 40, full: 90, cores: 64 } },
    cpuOther: { idle: 50, full: 150, cores: 32 },
  };
  const named = (gpuModel: string, cpuModel: string) => {
    return { name: `${gpuModel} ${cpuModel}`, resources: { cpu: 64, gpu: 2 }, gpuModel, cpuModel };
  };
  const choose = (resources: Resources, specs: readonly NodeSpec[]) => {
    const placement = new Placement({ strategy: 'energy-aware', power, mix: [] });
    for (const spec of specs) placement.addNode(spec);
    const choice = placement.choose({ id: '1', ask: placement.ask({ resources }) });
    return choice.kind === 'placed' ? choice.node : choice.kind;
  };
  const gpus = [named('hot', 'new'), named('constructor', 'new'), named('cool', 'new')];
  expect(choose({ gpu: 1 }, gpus)).toBe('cool new');
  expect(choose({ gpu: 1 }, gpus.slice(0, 2))).toBe('constructor new');
  const cpus = [named('hot', 'old'), named('hot', 'constructor'), named('hot', 'new')];
  expect(choose({ cpu: 1 }, cpus)).toBe('hot new');
  expect(choose({ cpu: 1 }, cpus.slice(0, 2))).toBe('hot constructor');
  // Three sockets of sixteen are woken, or one of thirty-two.
  expect(choose({ cpu: 40 }, cpus.slice(0, 2))).toBe('hot constructor');
});
