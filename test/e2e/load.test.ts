/** A cell that is configured to even out the load of its nodes, and to say how many nodes there should be. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const command = fileURLToPath(new URL('../../packages/cli/bin/troupe.js', import.meta.url));

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

it('actors leave a node that is short of memory by itself, a few at once, and lose nothing', async () => {
  const rebalance = { enabled: true, periodMs: 5_000, migrationsMax: 3 };
  const groups = [{ name: 'all', min: 1, max: 5, tasksPerNode: 4 }];
  stage = await scene({
    nodes: 2,
    nodeConfig: (name) => ({ resources: { cpu: 2, memory: name === 'n1' ? 400 : 40_000 } }),
    schedulerConfig: { rebalance, autoscale: { groups } },
  });
  const { troupe } = stage;
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => troupe.actor(Counter, key).add('first')));
  const view = async () => {
    const { rebalance: found } = await troupe.status();
    if (found === undefined) throw new Error('the cell is not configured so');
    return found;
  };
  await stage.until('actors were moved', async () => (await view()).moves.length > 0);
  const { why, moves } = await view();
  expect(why).toContain('the hottest node, "n1", has load');
  expect(moves.length).toBeLessThanOrEqual(3);
  expect(moves.every(({ from, to }) => from === 'n1' && to === 'n2')).toBe(true);
  await Promise.all(keys.map((key) => troupe.actor(Counter, key).add('second')));
  for (const { actor } of moves) {
    await stage.until('it lives there', async () => (await stage.hostOf(actor)) === 'n2');
  }
  for (const key of keys) {
    expect(await troupe.actor(Counter, key).ids()).toEqual(['first', 'second']);
  }
  const { groups: sized } = await troupe.status();
  const asked = ['status', '--address', stage.cluster.address];
  const printed = execFileSync(process.execPath, [command, ...asked], { encoding: 'utf8' });
  expect(printed).toMatch(/^balance .* ago: .*"n1"/m);
  expect(printed).toMatch(/^moved .* n1 to n2$/m);
  expect(printed).toMatch(/^group +all: 1 wanted, 2 there; /m);
  expect(sized).toMatchObject([{ group: 'all', size: 1, min: 1, max: 5, ready: 2 }]);
}, 180_000);

// As the node that is too full lets one go, as the other one reads it back, as the leader has decided that one moves.
it.each([
  ['the node that they leave', 'n1', 'node.released:1'],
  ['the node that takes them', 'n2', 'node.restore:1'],
  ['the leader', 's1', 'scheduler.actor-migrating:1'],
])(
  'actors that are moved to even out the load lose nothing when %s is killed meanwhile',
  async (_, name, point) => {
    const roomy = { resources: { cpu: 2, memory: 40_000 } };
    stage = await scene({
      nodes: 1,
      nodeConfig: { resources: { cpu: 2, memory: 400 } },
      schedulerConfig: { rebalance: { enabled: true, periodMs: 5_000, migrationsMax: 3 } },
      env: { [name]: { TROUPE_CRASH_AT: point } },
    });
    const { troupe, cluster } = stage;
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    const counter = (key: string) => troupe.actor(Counter, key, { deadlineMs: 120_000 });
    await Promise.all(keys.map((key) => counter(key).add('0')));
    await cluster.startNode({ name: 'n2', ...roomy });
    const victim = [...cluster.nodes, ...cluster.schedulers].find((one) => one.name === name);
    let going = true;
    const adding = keys.map(async (key) => {
      const added = ['0'];
      for (let at = 1; going; at++) {
        await counter(key).add(`${at}`);
        added.push(`${at}`);
      }
      return added;
    });
    expect(await victim?.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await (victim?.kind === 'node'
      ? cluster.startNode({ name: 'n3', ...roomy })
      : cluster.startScheduler({ name: 's2', listen: cluster.address }));
    const hosts = ['n2', 'n3'].filter((one) => one !== name);
    await stage.until('some live elsewhere', async () => {
      const { actors } = await troupe.actors({ type: 'Counter' });
      return actors.some(({ node }) => hosts.includes(node.slice(0, 2)));
    });
    going = false;
    const added = await Promise.all(adding);
    expect(await Promise.all(keys.map((key) => counter(key).ids()))).toEqual(added);
  },
  180_000,
);
