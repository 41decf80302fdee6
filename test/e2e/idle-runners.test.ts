/** Runner processes of bundles that nothing uses any more, on a real node. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterAll, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { Helper } from '../agents/crowds.ts';
import { type Scene, scene } from './scene.ts';

const bundles = ['agents', 'crowds'].map((name) =>
  fileURLToPath(new URL(`../agents/${name}.ts`, import.meta.url)),
);
let stage: Scene;
afterAll(() => stage?.stop());

function runnersOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/);
}

it('runner processes of a bundle that nothing uses end, and the next call finds its actor as it was', async () => {
  const nodeConfig = { runners: 1, idleMs: 500, runnersIdleMs: 1_000 };
  stage = await scene({ nodes: 1, nodeConfig });
  const { troupe, cluster } = stage;
  for (const bundle of bundles) await troupe.deploy((await bundleFile(bundle)).bytes);
  const pid = cluster.nodes[0]?.pid ?? 0;
  expect(await troupe.actor(Counter, 'c').add('x')).toBe(1);
  const [first = ''] = runnersOf(pid);
  expect(first).not.toBe('');
  expect(await troupe.actor(Helper, 'h').add('y')).toBe(1);
  let calls = 1;
  await stage.until('the first one has ended', async () => {
    // The other bundle stays at work, so that it is the one used last, however slow the machine is.
    calls += 1;
    expect(await troupe.actor(Helper, 'h').add(`y${calls}`)).toBe(calls);
    return !runnersOf(pid).includes(first);
  });
  expect(runnersOf(pid)).toHaveLength(1);
  expect(await troupe.actor(Counter, 'c').add('z')).toBe(2);
  expect(await troupe.actor(Counter, 'c').ids()).toEqual(['x', 'z']);
});
