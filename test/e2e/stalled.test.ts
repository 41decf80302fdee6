/** A node whose loop stands still is not a dead node. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const stall = fileURLToPath(new URL('./stall.cjs', import.meta.url));

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

it('a node whose loop stands still for 6 s is not given up, and answers what came meanwhile', async () => {
  stage = await scene({ nodes: 2, env: { n1: { NODE_OPTIONS: `--require ${stall}` } } });
  const { troupe, cluster } = stage;
  const keys = Array.from({ length: 16 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => troupe.actor(Counter, key).add('before')));
  const hosts = await Promise.all(keys.map((key) => stage.hostOf(`default/Counter/${key}`)));
  const key = keys[hosts.indexOf('n1')];
  const node = cluster.nodes.find(({ name }) => name === 'n1');
  if (key === undefined || node === undefined) throw new Error('no actor lives on n1');
  const before = (await troupe.status()).nodes.find(({ name }) => name === 'n1');
  node.kill('SIGUSR2');
  expect(await troupe.actor(Counter, key).add('meanwhile')).toBe(2);
  const after = (await troupe.status()).nodes.find(({ name, state }) => {
    return name === 'n1' && state === 'alive';
  });
  expect(after?.incarnation).toBe(before?.incarnation);
  expect(await stage.hostOf(`default/Counter/${key}`)).toBe('n1');
}, 120_000);
