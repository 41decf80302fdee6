/** Actors that were given up after so many failures, on a real cluster, whatever is killed then. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterEach, expect, it } from 'vitest';
import { Frail, Friend } from '../agents/frail.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/frail.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-given-up-'));
const broken = join(folder, 'broken');
const wide = { deadlineMs: 60_000 };
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function killHostOf(key: string): Promise<void> {
  const actor = `default/Frail/${key}`;
  const host = await stage.hostOf(actor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.until(`${key} is elsewhere`, async () => (await stage.hostOf(actor)) !== host);
}

it('one that crashes its runners is given up, stays so when its node and the leader are killed, and has lost nothing when it is resumed', async () => {
  stage = await scene({ nodes: 2, schedulers: 2, nodeConfig: { runners: 1 } });
  const { troupe } = stage;
  await troupe.deploy((await bundleFile(bundle)).bytes);
  writeFileSync(broken, '');
  const frail = troupe.actor(Frail, 'f', wide);
  const friend = troupe.actor(Friend, 'g', wide);
  expect(await frail.add('before')).toBe(1);
  for (const id of ['one', 'two']) {
    await expect(frail.crash(id, broken)).rejects.toMatchObject({ code: 'RUNNER_CRASHED' });
  }
  const view = async () => await troupe.actors.show(Frail, 'f');
  await stage.until('it is given up', async () => (await view())?.failure?.code === 'GIVEN_UP');
  const refused = async () => {
    await expect(frail.add('refused')).rejects.toMatchObject({
      code: 'GIVEN_UP',
      message: expect.stringContaining('RUNNER_CRASHED'),
      details: { actor: 'default/Frail/f', failures: 2, last: 'RUNNER_CRASHED' },
    });
    expect((await view())?.state).toBe('failed');
    const { actors } = await troupe.actors({ state: 'failed' });
    expect(actors.map(({ actor }) => actor)).toEqual(['default/Frail/f']);
  };
  await refused();
  await friend.write('f', 'letter');
  await killHostOf('f');
  await refused();
  await stage.killLeader();
  await refused();
  await stage.cluster.startNode({ runners: 1 });
  await killHostOf('f');
  await refused();
  rmSync(broken);
  await troupe.actors.resume(Frail, 'f');
  await frail.crash('after', broken);
  await stage.until('its letter is taken', async () => (await frail.ids()).length === 3);
  expect([...(await frail.ids())].sort()).toEqual(['after', 'before', 'letter']);
  expect((await view())?.state).toBe('placed');
  const told: string[] = [];
  for await (const { kind, actor } of troupe.actors.watch({ type: 'Frail', after: 0 })) {
    if (actor.endsWith('/f')) told.push(kind);
    if (kind === 'resumed') break;
  }
  // How often it was told to be ill before hangs on how soon it failed again.
  const of = (kind: string) => told.filter((one) => one === kind);
  expect([of('given-up'), of('resumed')]).toEqual([['given-up'], ['resumed']]);
  expect(told.indexOf('given-up')).toBeLessThan(told.indexOf('resumed'));
});
