/** NATS comes back with an older copy of its data, and then with the newest again, under processes that
 *  run on. */
import { cpSync, renameSync, rmSync } from 'node:fs';
import type { Fabric } from '@troupe/fabric';
import { logName } from '@troupe/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TestServers } from './cluster-servers.ts';

const servers = new TestServers();
beforeAll(() => servers.start());
afterAll(() => servers.stop());

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const journal = logName('journal-1');

let leader: Fabric;
let marking: { stop(): Promise<void> } | undefined;
afterEach(() => marking?.stop());

/** As a leader does: once at the beginning, and once more as it ends. */
async function mark(): Promise<void> {
  marking = leader.mark.keep(() => ({ log: journal, position: 1 }));
  await marking.stop();
}

async function whileStopped(change: (store: string) => void): Promise<void> {
  const { nats } = servers;
  await nats.stop();
  change(nats.dataDir);
  await nats.restart();
}

const copyOf = (store: string) => `${store}-copy`;
const newestOf = (store: string) => `${store}-newest`;

function olderData(): Promise<void> {
  return whileStopped((store) => {
    renameSync(store, newestOf(store));
    renameSync(copyOf(store), store);
  });
}

function newestData(): Promise<void> {
  return whileStopped((store) => {
    rmSync(store, { recursive: true });
    renameSync(newestOf(store), store);
  });
}

describe('while an older copy of the data of NATS is in place', () => {
  let node: Fabric;

  beforeAll(async () => {
    const config = servers.config();
    leader = await servers.open('leader', config);
    node = await servers.open('node', config);
    await leader.logs.create(journal, bytes('opening'));
    await node.checkpoints.put('before', bytes('before'), 0);
    await mark();
    await whileStopped((store) => cpSync(store, copyOf(store), { recursive: true }));
    await mark();
  });

  /** Bites when a connection is used before it was looked at what it leads to. */
  test('nothing is acknowledged that would be lost with it', async () => {
    await olderData();
    const put = node.checkpoints.put('a', bytes('a'), 0);
    const stored = node.objects.put(bytes('an object'));
    const reason = await node.mark.behind;
    expect(reason).toMatchObject({ code: 'DATA_BEHIND' });
    expect(reason.message).toMatch(/the data of NATS of cell "\S+" is older than etcd has seen it/);
    // The store itself acknowledges all the while, as one who comes anew sees, beyond the next look at it.
    const newcomer = await servers.open('newcomer', servers.config({ cell: leader.names.cell }));
    for (const until = performance.now() + 2_500; performance.now() < until; ) {
      expect(
        await newcomer.checkpoints.put(`own ${performance.now()}`, bytes('own'), 0),
      ).toBeDefined();
    }
    const first = await Promise.race([put, stored, Promise.resolve('nobody')]);
    expect(first).toBe('nobody');

    await newestData();
    expect(await put).toBeGreaterThan(0);
    expect(Buffer.from((await node.checkpoints.get('a'))?.body ?? '').toString()).toBe('a');
    expect(await node.objects.has(await stored)).toBe(true);
    expect(await node.checkpoints.get('before')).toBeDefined();
  }, 60_000);
});
