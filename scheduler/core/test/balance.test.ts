import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  assign,
  type BalanceSnapshot,
  imbalance,
  loadOf,
  NodeLoads,
  rebalance,
} from '../src/balance/index.ts';

const shared =
  process.env['TROUPE_SHARED'] ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
const smallFile = join(shared, 'lb', 'small.json');

interface Small {
  readonly name: string;
  readonly nodes: readonly (readonly number[])[];
  readonly agents: readonly (readonly number[])[];
  readonly optimal: { readonly maxL: number };
}

it.skipIf(!existsSync(smallFile))(
  'finds a place for everyone within 1 % of the optimum (needs lb/small.json of the shared data)',
  () => {
    const instances: Small[] = JSON.parse(readFileSync(smallFile, 'utf8'));
    const off = instances.map(({ name, nodes, agents, optimal }) => {
      const amounts = (values: readonly number[]) => ({ ...values });
      const snapshot = {
        nodes: nodes.map((supply, at) => ({ id: `n${at}`, supply: amounts(supply) })),
        actors: agents.map((demand, at) => ({ id: `a${at}`, demand: amounts(demand) })),
      };
      const { maxLoad, refused } = assign(snapshot, { steps: 60_000, seed: 3 });
      return { name, refused: refused.length, off: maxLoad / optimal.maxL };
    });
    expect(off).toHaveLength(24);
    expect(off.filter((one) => one.refused > 0 || one.off > 1.01)).toEqual([]);
  },
);

interface Large extends Omit<Small, 'optimal'> {
  readonly initial: readonly number[];
}

interface Optima {
  readonly migrationLimited?: { readonly [limit: string]: { readonly maxL: number } };
}

const optimaFile = join(shared, 'lb', 'optima.json');

it.skipIf(!existsSync(optimaFile))(
  'comes within 5 % of the best that so many migrations can reach (needs lb/optima.json of the shared data)',
  () => {
    const optima: { [name: string]: Optima } = JSON.parse(readFileSync(optimaFile, 'utf8'));
    const off = ['n5a20-homo', 'n10a50-homo', 'n10a50-hetero', 'n10a50-tight'].flatMap((name) => {
      const file = join(shared, 'lb', 'instances', `${name}.json`);
      const { nodes, agents, initial }: Large = JSON.parse(readFileSync(file, 'utf8'));
      const amounts = (values: readonly number[]) => ({ ...values });
      const snapshot = {
        nodes: nodes.map((supply, at) => ({ id: `n${at}`, supply: amounts(supply) })),
        actors: agents.map((demand, at) => {
          return { id: `a${at}`, demand: amounts(demand), node: `n${initial[at]}` };
        }),
      };
      return Object.entries(optima[name]?.migrationLimited ?? {}).map(([limit, { maxL }]) => {
        const effort = { steps: 60_000, seed: 3, migrationsMax: Number(limit) };
        const { migrations, together, maxLoadAfter } = rebalance(snapshot, effort);
        expect(migrations.length + together.length).toBeLessThanOrEqual(Number(limit));
        return { name, limit, off: maxLoadAfter / maxL };
      });
    });
    expect(off).toHaveLength(20);
    expect(off.filter((one) => one.off > 1.05)).toEqual([]);
  },
);

const cpu = (amount: number) => ({ cpu: amount });

function skewed(pinned: readonly string[] = []): BalanceSnapshot {
  const sizes = [5, 4, 3, 2, 1, 1];
  return {
    nodes: ['a', 'b'].map((id) => ({ id, supply: cpu(20) })),
    actors: sizes.map((size, at) => ({
      id: `actor-${at}`,
      demand: cpu(size),
      node: 'a',
      pinned: pinned.includes(`actor-${at}`),
    })),
  };
}

it('evens out two nodes with the fewest migrations', () => {
  const { migrations, maxLoadBefore, maxLoadAfter, reason } = rebalance(skewed(), {
    steps: 5_000,
    seed: 1,
    migrationsMax: 6,
  });
  expect(maxLoadBefore).toBeCloseTo(0.8);
  expect(maxLoadAfter).toBeCloseTo(0.4);
  expect(migrations.length).toBeLessThanOrEqual(3);
  expect(reason).toMatch(/^\d migrations lower the load of the hottest node from 0.800 to 0.400$/);
});

it('moves the one actor that helps most when one migration is allowed', () => {
  const { migrations } = rebalance(skewed(), { steps: 5_000, seed: 1, migrationsMax: 1 });
  expect(migrations).toEqual([{ actor: 'actor-0', from: 'a', to: 'b' }]);
});

it('leaves pinned actors and nodes that take nobody in alone', () => {
  const pinned = rebalance(skewed(['actor-0', 'actor-1']), {
    steps: 5_000,
    seed: 1,
    migrationsMax: 6,
  });
  const movers = [...pinned.migrations, ...pinned.together].map(({ actor }) => actor);
  expect(movers.length).toBeGreaterThan(0);
  expect(movers).not.toContain('actor-0');
  expect(movers).not.toContain('actor-1');
  const { nodes, actors } = skewed();
  const cordoned = nodes.map((node) => ({ ...node, accepts: node.id !== 'b' }));
  const effort = { steps: 5_000, seed: 1, migrationsMax: 6 };
  const closed = rebalance({ nodes: cordoned, actors }, effort);
  expect(closed.migrations).toEqual([]);
  expect(closed.reason).toBe('the hottest node has load 0.800; no allowed migration lowers it');
});

it('says why an actor has no place, and of which amounts it can make no sense', () => {
  const nodes = [
    { id: 'a', supply: { cpu: 1 } },
    { id: 'b', supply: { cpu: 4, gpu: 1 }, accepts: false },
  ];
  const actors = [{ id: 'big', demand: { cpu: 1, gpu: 1 } }];
  const { refused, places } = assign({ nodes, actors }, { steps: 10, seed: 1 });
  expect(places).toEqual([undefined]);
  expect(refused[0]?.reason).toBe(
    '1 nodes lack gpu, 1 nodes take nobody in; add a node that has room, or lower the demand',
  );
  const broken = { nodes: [{ id: 'a', supply: cpu(Number.NaN) }], actors: [] };
  expect(() => assign(broken, { steps: 1, seed: 1 })).toThrow(/node "a" has NaN of "cpu"/);
});

const snapshots = fc
  .record({
    supplies: fc.array(fc.tuple(fc.integer({ min: 5, max: 40 }), fc.integer({ min: 5, max: 40 })), {
      minLength: 2,
      maxLength: 6,
    }),
    demands: fc.array(
      fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), fc.nat(), fc.nat()),
      { maxLength: 30 },
    ),
  })
  .map(({ supplies, demands }): BalanceSnapshot => {
    const nodes = supplies.map(([c, m], at) => ({ id: `n${at}`, supply: { cpu: c, memory: m } }));
    const actors = demands.map(([c, m, home, pin], at) => ({
      id: `a${at}`,
      demand: { cpu: c, memory: m },
      node: `n${home % nodes.length}`,
      pinned: pin % 5 === 0,
    }));
    return { nodes, actors };
  });

it('never migrates more than allowed, never overfills a node, and never makes max L worse', () => {
  fc.assert(
    fc.property(snapshots, fc.nat(8), fc.nat(), (snapshot, migrationsMax, seed) => {
      const found = rebalance(snapshot, { steps: 600, seed, migrationsMax });
      const all = [...found.migrations, ...found.together];
      expect(all.length).toBeLessThanOrEqual(migrationsMax);
      expect(found.maxLoadAfter).toBeLessThanOrEqual(found.maxLoadBefore + 1e-9);
      const places = new Map(snapshot.actors.map(({ id, node }) => [id, node]));
      const pinned = new Set(snapshot.actors.filter((one) => one.pinned).map(({ id }) => id));
      for (const { actor, to } of found.migrations) {
        expect(pinned.has(actor)).toBe(false);
        places.set(actor, to);
        const limit = Math.max(supply(snapshot, to, 'cpu'), used(snapshot, undefined, to, 'cpu'));
        expect(used(snapshot, places, to, 'cpu')).toBeLessThanOrEqual(limit);
      }
      for (const { actor, to } of found.together) places.set(actor, to);
      for (const migration of all) expect(isNeeded(snapshot, places, migration, found)).toBe(true);
      for (const { to } of all) {
        for (const name of ['cpu', 'memory']) {
          const began = used(snapshot, undefined, to, name);
          const limit = Math.max(supply(snapshot, to, name), began);
          expect(used(snapshot, places, to, name)).toBeLessThanOrEqual(limit);
        }
      }
    }),
  );
});

/** Had this one stayed, its node would be hotter than the hottest, or too full. */
function isNeeded(
  snapshot: BalanceSnapshot,
  places: ReadonlyMap<string, string | undefined>,
  { actor, from }: { readonly actor: string; readonly from: string },
  { maxLoadAfter }: { readonly maxLoadAfter: number },
): boolean {
  const stayed = new Map(places).set(actor, from);
  const names = ['cpu', 'memory'];
  const amounts = names.map((name) => used(snapshot, stayed, from, name));
  const load = names.reduce(
    (sum, name, at) => sum + (amounts[at] ?? 0) / supply(snapshot, from, name),
    0,
  );
  const isOver = names.some((name, at) => {
    const limit = Math.max(supply(snapshot, from, name), used(snapshot, undefined, from, name));
    return (amounts[at] ?? 0) > limit;
  });
  return isOver || load > maxLoadAfter + 1e-9;
}

function used(
  snapshot: BalanceSnapshot,
  places: ReadonlyMap<string, string | undefined> | undefined,
  node: string,
  name: string,
): number {
  return snapshot.actors
    .filter((actor) => (places === undefined ? actor.node : places.get(actor.id)) === node)
    .reduce((sum, { demand }) => sum + (demand[name] ?? 0), 0);
}

function supply(snapshot: BalanceSnapshot, node: string, name: string): number {
  return snapshot.nodes.find(({ id }) => id === node)?.supply[name] ?? 0;
}

it('gives the same answer to the same seed, and never a worse one to more rounds', () => {
  fc.assert(
    fc.property(snapshots, fc.nat(), (snapshot, seed) => {
      const run = (steps: number) => rebalance(snapshot, { steps, seed, migrationsMax: 5 });
      expect(run(300)).toEqual(run(300));
      const rounds = [0, 20_000, 60_000].map((steps) => run(steps).maxLoadAfter);
      for (const [at, load] of rounds.slice(1).entries()) {
        expect(load).toBeLessThanOrEqual((rounds[at] ?? 0) + 1e-9);
      }
    }),
    { numRuns: 15 },
  );
});

it('knows the load of a node by enough words since the last look, and says whether it is level', () => {
  const loads = new NodeLoads<string>(2);
  const supply = { cpu: 10, memory: 100 };
  loads.hear('a', { cpu: 4, memory: 20 });
  expect(loads.used('a')).toBeUndefined();
  loads.hear('a', { cpu: 8, memory: 40 });
  expect(loads.used('a')).toEqual({ cpu: 6, memory: 30 });
  expect(loadOf({ cpu: 6, memory: 30 }, supply)).toBeCloseTo(0.9);
  expect(loadOf({ cpu: 6, memory: 30 }, { cpu: 10 })).toBeCloseTo(0.6);
  loads.startAnew();
  expect(loads.used('a')).toBeUndefined();
  const hot = [
    { name: 'a', load: 0.8 },
    { name: 'b', load: 0.1 },
  ];
  expect(imbalance(hot, 0.5)).toEqual({
    isUneven: true,
    reason: 'the hottest node, "a", has load 0.80, 78 % above the mean 0.45',
  });
  expect(imbalance(hot, 0.9).isUneven).toBe(false);
  const idle = hot.map(({ name, load }) => ({ name, load: load / 10 }));
  expect(imbalance(idle, 0.5)).toMatchObject({ isUneven: false });
  expect(imbalance(hot.slice(1), 0.5).isUneven).toBe(false);
});
