import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fragmentation } from '../../src/placement/fragmentation.ts';
import { Placement } from '../../src/placement/index.ts';
import type { Mix } from '../../src/placement/mix.ts';
import { MixCounter } from '../../src/placement/mix.ts';
import { ResourceNames, type Site, siteOf } from '../../src/placement/site.ts';
import { Cluster, many } from './cluster.ts';

const mix: Mix = [
  { cpu: 2000, gpuCount: 1, gpuMilli: 1000, models: [], probability: 0.4 },
  { cpu: 1000, gpuCount: 1, gpuMilli: 300, models: ['T4'], probability: 0.25 },
  { cpu: 3000, gpuCount: 1, gpuMilli: 700, models: [], probability: 0.15 },
  { cpu: 4000, gpuCount: 3, gpuMilli: 1000, models: ['A10'], probability: 0.1 },
  { cpu: 1000, gpuCount: 0, gpuMilli: 0, models: [], probability: 0.1 },
];

/** As the paper says it: what each class cannot use, weighted by how often it comes. */
function defined(cpu: number, gpus: readonly number[], model: string): number {
  let sum = 0;
  for (const kind of mix) {
    const open = gpus.filter((free) => free >= kind.gpuMilli).length;
    const able = kind.gpuCount > 0 && kind.cpu <= cpu && open >= kind.gpuCount;
    const here = kind.models.length === 0 || kind.models.includes(model);
    const unusable = gpus.filter((free) => !(able && here) || free < kind.gpuMilli);
    sum += kind.probability * unusable.reduce((total, free) => total + free, 0);
  }
  return sum;
}

function site(cpu: number, gpus: readonly number[], gpuModel: string): Site {
  const spec = { name: 'n', resources: { cpu: 10, gpu: gpus.length }, gpuModel };
  const made = siteOf(spec, 0, new ResourceNames());
  made.free[0] = cpu;
  made.gpus.set(gpus);
  made.gpuFree = gpus.reduce((sum, free) => sum + free, 0);
  return made;
}

it('the tables give what the definition of fragmentation gives, before and after a task', () => {
  const fragmentation = new Fragmentation(mix);
  const free = fc.constantFrom(0, 150, 299, 300, 500, 699, 700, 999, 1000, 1000, 1000);
  const gpusOf = fc.array(free, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.nat(6_000),
      fc.nat(2_000),
      gpusOf,
      fc.constantFrom('T4', 'A10'),
      fc.integer({ min: 1, max: 999 }),
      (cpu, taken, gpus, model, milli) => {
        const here = site(cpu, gpus, model);
        expect(fragmentation.of(here, 0)).toBeCloseTo(defined(cpu, gpus, model), 6);
        fragmentation.eachPart(here, taken, milli, (at, _, lost) => {
          const after = gpus.map((part, number) => (number === at ? part - milli : part));
          expect(lost).toBeCloseTo(defined(cpu - taken, after, model), 6);
        });
        const first = gpus.indexOf(1000);
        if (first < 0) return;
        const after = gpus.map((part, number) => (number === first ? 0 : part));
        expect(fragmentation.afterWhole(here, taken, 1)).toBeCloseTo(
          defined(cpu - taken, after, model),
          6,
        );
      },
    ),
  );
});

it('a part of a GPU goes where it leaves the least that nobody can use', () => {
  const cluster = new Cluster(
    many(2, { resources: { cpu: 8, gpu: 2 }, gpuModel: 'T4' }),
    'gpu-fragmentation-aware',
  );
  cluster.placement.setMix(mix);
  const { placement } = cluster;
  placement.reserve(cluster.task({ resources: { gpu: 0.3 } }), 'n1', [1]);
  expect(placement.choose(cluster.task({ resources: { cpu: 1, gpu: 0.7 } }))).toMatchObject({
    node: 'n1',
    gpus: [1],
  });
});

it('where no GPU is spoilt either way, a node in use goes before a whole one', () => {
  const cluster = new Cluster(many(3, { resources: { cpu: 8 } }), 'gpu-fragmentation-aware');
  const { placement } = cluster;
  placement.reserve(cluster.task({ resources: { cpu: 1 } }), 'n2', []);
  expect(cluster.put({ resources: { cpu: 1 } })).toBe('n2');
});

it('large nodes stay whole for large tasks as long as a smaller one does as well', () => {
  const cluster = new Cluster(
    [
      { name: 'large', resources: { cpu: 8, gpu: 8 } },
      { name: 'small', resources: { cpu: 8, gpu: 2 } },
    ],
    'gpu-fragmentation-aware',
  );
  cluster.placement.setMix([{ cpu: 0, gpuCount: 1, gpuMilli: 1000, models: [], probability: 1 }]);
  expect(cluster.put({ resources: { gpu: 1 } })).toBe('small');
});

it('the typical demand is the most frequent classes that make up 95 %', () => {
  const cluster = new Cluster([]);
  const counter = new MixCounter();
  const count = (times: number, gpu: number) => {
    const { ask } = cluster.task({ resources: { cpu: 1, gpu } });
    for (let n = 0; n < times; n++) counter.count(ask);
  };
  count(30, 0.5);
  count(67, 1);
  count(3, 2);
  const found = counter.mix().map(({ gpuMilli, gpuCount, probability }) => {
    return [gpuCount, gpuMilli, Math.round(probability * 100)];
  });
  expect(found).toEqual([
    [1, 1000, 69],
    [1, 500, 31],
  ]);
});

it('without a mix of its own, placement learns what is typical from what it has placed', () => {
  const placement = new Placement({ strategy: 'gpu-fragmentation-aware' });
  for (const [name, gpuModel] of [
    ['sought', 'T4'],
    ['other', 'A10'],
  ] as const) {
    placement.addNode({ name, resources: { cpu: 8, gpu: 2 }, gpuModel });
  }
  const typical = placement.ask({ resources: { gpu: 1 }, gpuModels: ['T4'] });
  const any = placement.ask({ resources: { gpu: 1 } });
  const chosen = () => {
    const choice = placement.choose({ id: 'any', ask: any });
    return choice.kind === 'placed' ? choice.node : 'none';
  };
  // Nothing is known to be wanted more than anything else.
  expect(chosen()).toBe('sought');
  for (let number = 0; number < 5_000; number++) {
    placement.place({ id: `t${number}`, ask: typical });
    placement.end(`t${number}`);
  }
  expect(chosen()).toBe('other');
});
