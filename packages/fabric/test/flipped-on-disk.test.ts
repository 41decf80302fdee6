/** A byte on the disk of NATS is another one when it is read again. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestServers } from './cluster-servers.ts';

const servers = new TestServers();
beforeAll(() => servers.start());
afterAll(() => servers.stop());

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/** Flips a bit of this text wherever it stands in the files of NATS. */
function flip(folder: string, text: string): number {
  let flips = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.blk')) continue;
    const file = join(folder, name);
    const found = readFileSync(file);
    const at = found.indexOf(text);
    if (at < 0) continue;
    found[at] = (found[at] ?? 0) ^ 1;
    writeFileSync(file, found);
    flips += 1;
  }
  return flips;
}

test('a checkpoint on a disk that flips a bit is missed, not taken for one that never was', async () => {
  const { nats } = servers;
  const before = await servers.open();
  const { checkpoints } = before;
  const first = (await checkpoints.put('k', bytes('the one before'), 0)) ?? 0;
  await checkpoints.put('k', bytes('the one after it'), first);
  await nats.stop();
  expect(flip(nats.dataDir, 'the one after it')).toBe(1);
  await nats.restart();
  // The server does not give it any more; that it was there is not forgotten for that.
  await expect(checkpoints.get('k')).rejects.toMatchObject({
    code: 'LOG_CORRUPT',
    details: { key: 'k', after: first },
  });
  const read = await checkpoints.version('k', first);
  expect(Buffer.from(read?.body ?? '').toString()).toBe('the one before');
});

test('P7: where a disk has lost the last checkpoint, what stands before it can be replaced, by one writer', async () => {
  const { nats } = servers;
  const { checkpoints } = await servers.open();
  const first = (await checkpoints.put('k', bytes('the one that is left'), 0)) ?? 0;
  const lost = (await checkpoints.put('k', bytes('the one that goes'), first)) ?? 0;
  await nats.stop();
  expect(flip(nats.dataDir, 'the one that goes')).toBe(1);
  await nats.restart();
  for (const expected of [lost, lost + 1]) {
    expect(await checkpoints.put('k', bytes('of another past'), expected)).toBeUndefined();
  }
  const anew = await checkpoints.put('k', bytes('anew'), first);
  expect(anew).toBeGreaterThan(lost);
  expect(await checkpoints.put('k', bytes('of a late writer'), first)).toBeUndefined();
  expect(Buffer.from((await checkpoints.get('k'))?.body ?? '').toString()).toBe('anew');
});
