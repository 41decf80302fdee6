/** Permits on a real cluster, whoever dies that holds, wants or gives them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { connect } from '@troupe/sdk';
import { afterAll, afterEach, expect, it } from 'vitest';
import { Worker } from '../agents/sharing.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/sharing.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-sharing-'));
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open(options: Parameters<typeof scene>[0]): Promise<void> {
  stage = await scene(options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

async function killAndRestart(host: string): Promise<void> {
  const { cluster } = stage;
  const node = cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  await cluster.startNode();
}

/** Who was at work at once, at most, and who ended. A step that was done twice says the same. */
function readBack(file: string): { most: number; ended: Set<string> } {
  const inside = new Set<string>();
  const ended = new Set<string>();
  let most = 0;
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [what, id = ''] = line.split(' ');
    if (what === '') continue;
    if (what === 'begins' && !ended.has(id)) inside.add(id);
    else {
      inside.delete(id);
      ended.add(id);
    }
    most = Math.max(most, inside.size);
  }
  return { most, ended };
}

it('no more turns than there are permits go on at once, and each has its turn, whoever is killed', async () => {
  await open({ nodes: 3, schedulers: 2 });
  const { troupe } = stage;
  const file = join(folder, 'work');
  writeFileSync(file, '');
  const ids = Array.from({ length: 24 }, (_, n) => `id${n}`);
  const done = ids.map((id, n) =>
    troupe.actor(Worker, `w${n % 12}`, { deadlineMs: 300_000 }).work(id, file),
  );
  const ended = () => readBack(file).ended.size;
  for (const [count, kill] of [
    [3, 'default/Semaphore/few'],
    [6, 'the leader'],
    [9, 'default/Worker/w5'],
    [12, 'the leader'],
    [15, 'default/Semaphore/few'],
  ] as const) {
    await stage.until(`${count} have ended`, async () => ended() >= count);
    if (kill === 'the leader') await stage.killLeader();
    else await killAndRestart(await stage.hostOf(kill));
  }
  await Promise.all(done);
  expect(readBack(file)).toEqual({ most: 2, ended: new Set(ids) });
  const workers = Array.from({ length: 12 }, (_, n) => troupe.actor(Worker, `w${n}`).done());
  expect((await Promise.all(workers)).flat().sort()).toEqual([...ids].sort());
  await stage.until('all is given back', async () => {
    return (await troupe.semaphore('few', 2).counts()).held === 0;
  });
}, 240_000);

it('a lease of a client that is gone ends, and the next one in line has it', async () => {
  await open({ nodes: 2 });
  const { troupe, cluster } = stage;
  const gone = await connect({ address: cluster.addresses.join(',') });
  const lease = await gone.semaphore('one', 1).acquire({ leaseMs: 15_000 });
  const next = troupe.semaphore('one', 1).acquire({ leaseMs: 15_000 });
  await stage.until('it waits', async () => {
    return (await troupe.semaphore('one', 1).counts()).waiting === 1;
  });
  await killAndRestart(await stage.hostOf('default/Semaphore/one'));
  expect(lease.lost.aborted).toBe(false);
  await gone.close();
  const had = await next;
  expect(lease.lost.aborted).toBe(true);
  expect(had.lost.aborted).toBe(false);
  await had.release();
  expect(await troupe.semaphore('one', 1).counts()).toEqual({ permits: 1, held: 0, waiting: 0 });
});
