import { Random } from '@troupe/virtual';
import { expect, it } from 'vitest';
import { runPlan } from '../src/index.ts';
import { drawFaults, type Fault } from '../src/plan/faults.ts';
import { drawPlan } from '../src/plan/plan.ts';

/** Faults of a cluster of which nobody asks anything. */
async function befallen(faults: readonly Fault[]) {
  const { places, ...plan } = drawPlan(1);
  const operations = new Map(places.clients.map((client) => [client, []]));
  return [...(await runPlan({ ...plan, places, operations, faults })).faults];
}

it('a fault that befalls nobody is not counted, nor an ambush whose moment never comes', async () => {
  const crash = { kind: 'crash', host: 'node-1', downMs: 5_000, notice: true } as const;
  const ambush = { kind: 'ambush', deed: 'kill-it', waitMs: 1, ms: 1_000 } as const;
  const faults = [
    { ...crash, at: 3_000 },
    { ...crash, at: 3_100 },
    { kind: 'crash-runner', host: 'node-2', at: 3_200 },
    { ...ambush, moment: 'run-task arrives', at: 3_300 },
  ] as const;
  expect(await befallen(faults)).toEqual([['crash', 1]]);
});

it('nobody is moved where there is no actor, and no machine dies that is down already', async () => {
  const { places, ...plan } = drawPlan(1);
  const [node = '', other = ''] = places.nodes;
  const hosts = [places.schedulers[0] ?? '', node];
  const crash = { kind: 'crash', host: node, downMs: 5_000, notice: true } as const;
  const dies = { kind: 'machine-dies', hosts, downMs: 500, notice: false } as const;
  const half = { kind: 'half-dies', hosts: [node], downMs: 500, notice: false } as const;
  const faults = [
    { kind: 'migrate', count: 3, lot: 0, to: other, at: 3_000 },
    { kind: 'server-still', server: 'etcd', ms: 100, at: 3_050 },
    { ...crash, at: 3_100 },
    { ...dies, at: 3_200 },
    { ...half, at: 3_300 },
  ] as const;
  const operations = new Map(places.clients.map((client) => [client, []]));
  const result = await runPlan({ ...plan, places, operations, faults });
  expect(new Map(result.faults)).toEqual(
    new Map([
      ['server-still', 1],
      ['crash', 1],
      ['machine-dies', 1],
    ]),
  );
  expect([...result.coverage.keys()]).not.toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^the store stands still|^a machine dies|^half of the nodes/),
    ]),
  );
});

it('a link that is cut is counted when something was to go through it, and once', async () => {
  const cut = { kind: 'cut', from: 'node-1', ms: 5_000 } as const;
  const ofItself = { ...cut, to: 'node-1', at: 3_000 };
  const ofNobody = { kind: 'partition', hosts: [], at: 3_000, ms: 5_000 } as const;
  expect(await befallen([ofItself, ofNobody])).toEqual([]);
  // Whether it leads or not, it asks who does.
  const [scheduler = ''] = drawPlan(1).places.schedulers;
  const ofEtcd = { ...cut, from: scheduler, to: 'etcd', at: 3_000 };
  const apart = { kind: 'partition', hosts: ['node-2'], at: 3_000, ms: 5_000 } as const;
  const befell = await befallen([ofItself, ofEtcd, apart]);
  expect(new Map(befell)).toEqual(
    new Map([
      ['cut', 1],
      ['partition', 1],
    ]),
  );
});

it('nobody is drawn to be cut off from itself', () => {
  const places = { nodes: ['node-1', 'node-2', 'node-3'], schedulers: ['s-1'], clients: [] };
  const span = { fromMs: 0, untilMs: 10_000 };
  const cuts = drawFaults(5_000, span, places, new Random(1)).filter(({ kind }) => kind === 'cut');
  expect(cuts.length).toBeGreaterThan(100);
  expect(cuts.filter((fault) => fault.kind === 'cut' && fault.from === fault.to)).toEqual([]);
});
