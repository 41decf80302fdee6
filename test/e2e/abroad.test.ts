/** A checkpoint goes from one real cluster to another. */
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, startCluster } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { Ledger as Former } from '../agents/ledgers.ts';
import { Ledger } from '../agents/ledgers-next.ts';

const patient = { deadlineMs: 60_000 };
let home: Cluster;
let abroad: Cluster;
let here: Troupe;
let there: Troupe;

beforeAll(async () => {
  [home, abroad] = await Promise.all([startCluster({ nodes: 1 }), startCluster({ nodes: 1 })]);
  here = await connect({ address: home.address });
  there = await connect({ address: abroad.address });
});
afterAll(async () => {
  await Promise.all([here?.close(), there?.close()]);
  await Promise.all([home?.stop(), abroad?.stop()]);
});

async function deploys(troupe: Troupe, name: string): Promise<void> {
  const file = fileURLToPath(new URL(`../agents/${name}.ts`, import.meta.url));
  await troupe.deploy((await bundleFile(file)).bytes);
}

/** The checkpoint of a ledger with these ids, as bytes. */
async function exported(ids: readonly string[]): Promise<Uint8Array> {
  const ledger = here.actor(Former, 'book');
  for (const id of ids) await ledger.add(id);
  await here.actors.stop(Former, 'book');
  await expect
    .poll(() => here.checkpoints.list(Former, 'book'))
    .toMatchObject([{ turn: ids.length }]);
  const [last] = await here.checkpoints.list(Former, 'book');
  return await here.checkpoints.export(Former, 'book', last?.id ?? 0);
}

it('what was exported goes on in another cluster by code of its version, also after kill -9, and is refused where there is none', async () => {
  await deploys(here, 'ledgers');
  await deploys(there, 'agents');
  await deploys(there, 'ledgers-next');
  const bytes = await exported(['a', 'b']);
  const asCounter = there.checkpoints.import(Counter, bytes, { key: 'book' });
  await expect(asCounter).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const tooNew = there.checkpoints.import(Ledger, bytes, { key: 'book' });
  await expect(tooNew).rejects.toMatchObject({ code: 'UNKNOWN_BUNDLE', details: { version: 1 } });
  expect((await there.actors({ type: 'Ledger' })).actors).toEqual([]);
  expect((await there.actors({ type: 'Counter' })).actors).toEqual([]);
  await deploys(there, 'ledgers');
  await there.checkpoints.import(Former, bytes, { key: 'book' });
  const [node] = abroad.nodes;
  await abroad.startNode({ name: 'heir' });
  node?.kill('SIGKILL');
  expect(await there.actor(Former, 'book', patient).add('c')).toBe(3);
  expect(await there.actor(Former, 'book').ids()).toEqual(['a', 'b', 'c']);
  expect(await here.actor(Former, 'book').ids()).toEqual(['a', 'b']);
});
