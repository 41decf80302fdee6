import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

let scenes: Scene[] = [];

afterEach(async () => {
  for (const one of scenes.reverse()) await one.stop();
  scenes = [];
});

it('two cells on one etcd and one NATS never see each other', async () => {
  const red = await scene({ cell: 'red', nodes: 2 });
  scenes.push(red);
  const blue = await scene({ cell: 'blue', nodes: 1, servers: red.cluster.servers });
  scenes.push(blue);
  await red.troupe.actor(Counter, 'same').add('red');
  await blue.troupe.actor(Counter, 'same').add('blue');
  await blue.troupe.actor(Counter, 'only-blue').add('blue');
  expect(await red.troupe.actor(Counter, 'same').ids()).toEqual(['red']);
  expect(await blue.troupe.actor(Counter, 'same').ids()).toEqual(['blue']);
  const [redStatus, blueStatus] = await Promise.all([red.troupe.status(), blue.troupe.status()]);
  expect([redStatus.cell, blueStatus.cell]).toEqual(['red', 'blue']);
  const nodesOf = (status: typeof redStatus) => status.nodes.map((node) => node.incarnation);
  expect(nodesOf(redStatus)).toHaveLength(2);
  expect(nodesOf(blueStatus)).toHaveLength(1);
  expect(nodesOf(redStatus)).not.toContain(nodesOf(blueStatus)[0]);
  expect((await red.troupe.actors({ limit: 10 })).total).toBe(1);
  expect((await blue.troupe.actors({ limit: 10 })).total).toBe(2);
  // A death in one is nothing to the other.
  red.cluster.nodes[0]?.kill('SIGKILL');
  await red.troupe.actor(Counter, 'same').add('still red');
  expect((await blue.troupe.status()).counts.nodesLost).toBe(0);
});
