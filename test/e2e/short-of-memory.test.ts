/** Schedulers whose heaps are nearly full. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const ballast = fileURLToPath(new URL('./ballast.cjs', import.meta.url));
const withBallast = {
  NODE_OPTIONS: `--max-old-space-size=256 --max-semi-space-size=1 --require ${ballast}`,
};

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

it('a scheduler that is short of memory when it takes the lead creates nothing new, and calls what exists', async () => {
  stage = await scene({ nodes: 1, schedulers: 2, env: { s1: withBallast, s2: withBallast } });
  const { troupe, cluster } = stage;
  expect(await troupe.actor(Counter, 'known').add('before')).toBe(1);
  const { leader } = await troupe.status();
  const leads = cluster.schedulers.find(({ name }) => name === leader);
  const follows = cluster.schedulers.find(({ name }) => name !== leader);
  if (leads === undefined || follows === undefined) throw new Error(`${leader} leads`);
  follows.kill('SIGUSR2');
  await stage.until('it knows how little memory it has', async () => {
    return readFileSync(follows.log, 'utf8').includes('short of memory');
  });
  expect(await troupe.actor(Counter, 'other').add('while the one with room leads')).toBe(1);
  leads.kill('SIGKILL');
  await leads.exited;
  expect(await troupe.actor(Counter, 'known').add('after')).toBe(2);
  await expect(troupe.actor(Counter, 'new').add('after')).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    message: expect.stringContaining('short of memory'),
  });
  expect(await troupe.actors.getIfExists(Counter, 'new')).toBeUndefined();
}, 120_000);
