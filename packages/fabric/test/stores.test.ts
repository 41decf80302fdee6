import { randomBytes } from 'node:crypto';
import { type Fabric, sha256 } from '@troupe/fabric';
import { connect } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TestServers } from './cluster-servers.ts';
import { TcpProxy } from './tcp-proxy.ts';

const servers = new TestServers();
let wire: TcpProxy;
beforeAll(async () => {
  await servers.start();
  wire = await TcpProxy.start(servers.nats.port);
});
afterEach(() => wire.heal());
afterAll(async () => {
  await servers.stop();
  await wire.stop();
});

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const large = (fill: number) => new Uint8Array(1_500_000).fill(fill);

async function pair(): Promise<{ near: Fabric; far: Fabric }> {
  const config = servers.config();
  const natsUrl = `nats://127.0.0.1:${wire.port}`;
  const near = await servers.open('near', config);
  const far = await servers.open('far', servers.config({ cell: config.cell, natsUrl }));
  return { near, far };
}

async function streamState(name: string) {
  const nats = await connect({ servers: servers.nats.url });
  const { state } = await (await nats.jetstreamManager()).streams.info(name);
  await nats.close();
  return state;
}

describe('the object store', () => {
  test('gives back small and large objects by the hash of their bytes', async () => {
    const { objects } = await servers.open();
    for (const body of [new Uint8Array(0), bytes('small'), large(3)]) {
      const hash = await objects.put(body);
      expect(hash).toBe(sha256(body));
      expect(Buffer.compare(await objects.get(hash), body)).toBe(0);
    }
  });

  test('stores an object once, however often and by however many it is put', async () => {
    const { near, far } = await pair();
    await near.objects.put(large(4));
    const { bytes: before } = await streamState(`OBJ_${near.names.objects}`);
    const hashes = await Promise.all([1, 2, 3].map(() => far.objects.put(large(4))));
    expect(new Set(hashes).size).toBe(1);
    expect((await streamState(`OBJ_${near.names.objects}`)).bytes).toBe(before);
  });

  test('that is left in the middle of a put fails that put, and nothing else', async () => {
    const { near, far } = await pair();
    const stream = `OBJ_${far.names.objects}`;
    await near.objects.put(bytes('the bucket is there'));
    const { messages: before } = await streamState(stream);
    const putting = far.objects.put(new Uint8Array(200_000_000).fill(5));
    // Heard of from now on: it fails while the process is still leaving.
    const refused = expect(putting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    while ((await streamState(stream)).messages <= before);
    await far.close();
    await refused;
  });

  test('says that an object is absent, before it is put and after it is deleted', async () => {
    const { objects } = await servers.open();
    const hash = sha256(bytes('x'));
    expect(await objects.has(hash)).toBe(false);
    await expect(objects.get(hash)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    await objects.put(bytes('x'));
    expect(await objects.has(hash)).toBe(true);
    await objects.delete(hash);
    expect(await objects.has(hash)).toBe(false);
  });

  test('refuses bytes that do not match their name', async () => {
    const { objects, names } = await servers.open();
    await objects.put(bytes('true'));
    const nats = await connect({ servers: servers.nats.url });
    const bucket = await nats.jetstream().views.os(names.objects);
    const hash = sha256(bytes('what it should hold'));
    await bucket.putBlob({ name: hash }, bytes('something else'));
    await nats.close();
    await expect(objects.get(hash)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });
});

/** The pieces of an object, as they are stored. */
async function pieces(of: { readonly bucket: string; readonly name: string }) {
  const nats = await connect({ servers: servers.nats.url });
  const manager = await nats.jetstreamManager();
  const stream = `OBJ_${of.bucket}`;
  const info = await (await nats.jetstream().views.os(of.bucket)).info(of.name);
  const subject = `$O.${of.bucket}.C.${info?.nuid}`;
  const last = await manager.streams.getMessage(stream, { last_by_subj: subject });
  return {
    count: info?.chunks,
    lose: () => manager.streams.deleteMessage(stream, last.seq, false),
    async flip() {
      const body = Uint8Array.from(last.data, (byte, at) => (at === 7 ? byte ^ 1 : byte));
      await nats.jetstream().publish(subject, body);
      await manager.streams.deleteMessage(stream, last.seq, false);
    },
    close: () => nats.close(),
  };
}

describe('an object of which a piece', () => {
  test.each([
    ['has a flipped bit', 'small', 1_000],
    ['has a flipped bit', 'large', 1_200_000],
    ['is lost', 'small', 1_000],
    ['is lost', 'large', 1_200_000],
  ] as const)('%s is named and never given: a %s one', async (how, _, size) => {
    const { objects, names } = await servers.open();
    const name = await objects.put(new Uint8Array(size).fill(3));
    const stored = await pieces({ bucket: names.objects, name });
    expect(stored.count).toBe(Math.ceil(size / (512 * 1024)));
    if (how === 'is lost') await stored.lose();
    else await stored.flip();
    await stored.close();
    await expect(objects.get(name)).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      details: { hash: name },
    });
  });
});

describe('a checkpoint', () => {
  test('is read as it was written last, and nothing is found before', async () => {
    const { checkpoints } = await servers.open();
    expect(await checkpoints.get('t/A/1')).toBeUndefined();
    const first = await checkpoints.put('t/A/1', bytes('one'), 0);
    const second = await checkpoints.put('t/A/1', bytes('two'), first ?? -1);
    const found = await checkpoints.get('t/A/1');
    expect(Buffer.from(found?.body ?? []).toString()).toBe('two');
    expect(found?.revision).toBe(second);
    expect(await checkpoints.get('t/A/2')).toBeUndefined();
  });

  test('of a late writer does not hide a newer one', async () => {
    const { near, far } = await pair();
    const first = await near.checkpoints.put('k', bytes('one'), 0);
    const second = await far.checkpoints.put('k', bytes('two'), first ?? -1);
    expect(second).toBeGreaterThan(first ?? 0);
    expect(await near.checkpoints.put('k', bytes('late'), first ?? -1)).toBeUndefined();
    expect(await near.checkpoints.put('k', bytes('later'), 0)).toBeUndefined();
    expect((await near.checkpoints.get('k'))?.revision).toBe(second);
  });

  test('raced for by many writers is won by exactly one of them', async () => {
    const { near, far } = await pair();
    const puts = [near, far, near, far].map((one, index) =>
      one.checkpoints.put('k', bytes(`writer ${index}`), 0),
    );
    const revisions = (await Promise.all(puts)).filter((revision) => revision !== undefined);
    expect(revisions).toHaveLength(1);
    expect((await near.checkpoints.get('k'))?.revision).toBe(revisions[0]);
  });

  test('whose answer was lost is found to be stored, or is stored then', async () => {
    const { near, far } = await pair();
    wire.mute('replies');
    const stored = far.checkpoints.put('k', bytes('one'), 0);
    await until(async () => (await near.checkpoints.get('k')) !== undefined);
    wire.heal();
    wire.cut();
    const first = await stored;
    expect((await near.checkpoints.get('k'))?.revision).toBe(first);
    wire.mute('requests');
    const lost = far.checkpoints.put('k', bytes('two'), first ?? -1);
    await new Promise<void>((resolve) => setImmediate(resolve));
    wire.heal();
    wire.cut();
    const second = await lost;
    expect((await near.checkpoints.get('k'))?.revision).toBe(second);
  });

  test('over the size of a message lies in the object store, which frees the older ones', async () => {
    const { checkpoints, names } = await servers.open(
      'test',
      servers.config({ checkpointsKept: 2 }),
    );
    let revision: number | undefined = 0;
    for (let fill = 1; fill <= 5; fill++) {
      revision = await checkpoints.put('k', large(fill), revision ?? -1);
      const found = await checkpoints.get('k');
      expect(Buffer.compare(found?.body ?? bytes(''), large(fill))).toBe(0);
    }
    await until(async () => (await streamState(`OBJ_${names.objects}`)).bytes < 3.2e6);
    revision = await checkpoints.put('k', bytes('small again'), revision ?? -1);
    revision = await checkpoints.put('k', bytes('and again'), revision ?? -1);
    await checkpoints.put('k', bytes('and once more'), revision ?? -1);
    await until(async () => (await streamState(`OBJ_${names.objects}`)).bytes < 1e5);
  });

  test('that is dropped is gone with its objects, those of other keys stay', async () => {
    const { checkpoints, names } = await servers.open();
    await checkpoints.put('kept', bytes('k'), 0);
    const first = await checkpoints.put('gone', large(5), 0);
    await checkpoints.put('gone', large(6), first ?? 0);
    await checkpoints.drop('gone');
    await checkpoints.drop('never there');
    expect(await checkpoints.get('gone')).toBeUndefined();
    expect(sha256((await checkpoints.get('kept'))?.body ?? large(0))).toBe(sha256(bytes('k')));
    expect((await streamState(`OBJ_${names.objects}`)).bytes).toBeLessThan(10_000);
    // It may come again, as if it had never been there.
    expect(await checkpoints.put('gone', bytes('again'), 0)).toBeGreaterThan(0);
  });

  test('that is the last of its key frees all that stood there before, objects too', async () => {
    const { near, far } = await pair();
    const key = 'default/Counter/gone';
    const first = await near.checkpoints.put(key, large(1), 0);
    const second = await near.checkpoints.put(key, large(2), first ?? 0);
    // Another node ends it: it has read what stands there, as every node does.
    await far.checkpoints.get(key);
    const last = (await far.checkpoints.put(key, bytes('stone'), second ?? 0)) ?? 0;
    await far.checkpoints.prune(key, last);
    expect((await far.checkpoints.get(key))?.revision).toBe(last);
    expect((await streamState(near.names.checkpointStream)).messages).toBe(1);
    expect((await streamState(`OBJ_${near.names.objects}`)).bytes).toBeLessThan(1_600_000);
    await near.checkpoints.dropUpTo(key, last);
    expect(await near.checkpoints.get(key)).toBeUndefined();
    expect((await streamState(near.names.checkpointStream)).messages).toBe(0);
  });

  test('that was put after another was to be dropped stays', async () => {
    const { checkpoints } = await servers.open();
    const key = 'default/Counter/again';
    const stone = (await checkpoints.put(key, bytes('stone'), 0)) ?? 0;
    const next = (await checkpoints.put(key, bytes('new life'), stone)) ?? 0;
    await checkpoints.dropUpTo(key, stone);
    expect((await checkpoints.get(key))?.revision).toBe(next);
  });

  test('put on top of another one is given with that one, however large, until both are replaced', async () => {
    const { checkpoints, names } = await servers.open();
    const first = (await checkpoints.put('k', large(1), 0)) ?? -1;
    const known = await checkpoints.get('k');
    const second = (await checkpoints.putOnTop('k', bytes('rest'), first)) ?? -1;
    for (const found of [await checkpoints.get('k'), await checkpoints.get('k', known)]) {
      expect(Buffer.from(found?.body ?? '').toString()).toBe('rest');
      expect(Buffer.compare(found?.base ?? bytes(''), large(1))).toBe(0);
      expect(found?.revision).toBe(second);
    }
    expect(await checkpoints.putOnTop('k', bytes('late'), first)).toBeUndefined();
    const third = (await checkpoints.put('k', bytes('whole'), second)) ?? -1;
    expect(await checkpoints.get('k', known)).toEqual({
      body: Buffer.from('whole'),
      revision: third,
    });
    const fourth = (await checkpoints.put('k', bytes('whole again'), third)) ?? -1;
    await checkpoints.put('k', bytes('once more'), fourth);
    await until(async () => (await streamState(`OBJ_${names.objects}`)).bytes < 1e5);
  });

  test('does not stand in the way of many others at once', async () => {
    const { checkpoints, names } = await servers.open();
    const keys = Array.from({ length: 200 }, (_, index) => `t/A/${index}`);
    await Promise.all(keys.map((key) => checkpoints.put(key, bytes(key), 0)));
    const bodies = await Promise.all(keys.map((key) => checkpoints.get(key)));
    expect(bodies.map((found) => Buffer.from(found?.body ?? []).toString())).toEqual(keys);
    for (let i = 0; i < 4; i++) {
      const revision = (await checkpoints.get('t/A/0'))?.revision ?? -1;
      await checkpoints.put('t/A/0', bytes(`round ${i}`), revision);
    }
    expect((await streamState(names.checkpointStream)).messages).toBe(203);
  });
});

describe('versions of a checkpoint', () => {
  /** Puts the last one again, as it would be read if one of its bits were another one. */
  async function flip({ names }: Fabric, key: string): Promise<void> {
    const nats = await connect({ servers: servers.nats.url });
    const jsm = await nats.jetstreamManager();
    const subject = names.checkpoint(sha256(key));
    const { header, data } = await jsm.streams.getMessage(names.checkpointStream, {
      last_by_subj: subject,
    });
    const body = Uint8Array.from(data);
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    for (const name of header.keys()) if (name.startsWith('Nats-')) header.delete(name);
    await nats.jetstream().publish(subject, body, { headers: header });
    await nats.close();
  }

  async function putAll(fabric: Fabric, key: string, bodies: readonly Uint8Array[]) {
    const revisions: number[] = [];
    for (const body of bodies) {
      revisions.push((await fabric.checkpoints.put(key, body, revisions.at(-1) ?? 0)) ?? -1);
    }
    return revisions;
  }

  test('are kept as many as the cell is configured for, small and large, each as it was put', async () => {
    const fabric = await servers.open('test', servers.config({ checkpointsKept: 3 }));
    const bodies = [bytes('one'), large(2), bytes('three'), large(4)];
    const revisions = await putAll(fabric, 'k', bodies);
    const found = await fabric.checkpoints.versions('k');
    expect(found.map((one) => one.revision)).toEqual(revisions.slice(1).reverse());
    expect(found.map((one) => one.bytes)).toEqual([1_500_000, 5, 1_500_000]);
    for (const [at, body] of bodies.entries()) {
      const read = await fabric.checkpoints.version('k', revisions[at] ?? 0);
      if (at === 0) expect(read).toBeUndefined();
      else expect(Buffer.compare(read?.body ?? bytes(''), body)).toBe(0);
    }
    expect(await fabric.checkpoints.version('other', revisions[1] ?? 0)).toBeUndefined();
  });

  test('are as many as was configured last, also in a cell that was made with fewer', async () => {
    const config = servers.config({ checkpointsKept: 2 });
    await putAll(await servers.open('before', config), 'k', [bytes('1'), bytes('2')]);
    const after = await servers.open('after', { ...config, checkpointsKept: 4 });
    const last = (await after.checkpoints.get('k'))?.revision ?? 0;
    await after.checkpoints.put('k', bytes('3'), last);
    expect(await after.checkpoints.versions('k')).toHaveLength(3);
  });

  test('are freed up to one, with their objects, and never the last one', async () => {
    const fabric = await servers.open();
    const { checkpoints, names } = fabric;
    const revisions = await putAll(fabric, 'k', [large(1), large(2), bytes('last')]);
    await checkpoints.freeBefore('k', revisions[1] ?? 0);
    expect((await checkpoints.versions('k')).map((one) => one.revision)).toEqual([
      revisions[2],
      revisions[1],
    ]);
    expect((await streamState(`OBJ_${names.objects}`)).bytes).toBeLessThan(1_600_000);
    await checkpoints.freeBefore('k', (revisions[2] ?? 0) + 1_000);
    expect((await checkpoints.get('k'))?.revision).toBe(revisions[2]);
    await checkpoints.freeBefore('k', revisions[2] ?? 0);
    expect(await checkpoints.versions('k')).toHaveLength(1);
    expect((await streamState(`OBJ_${names.objects}`)).bytes).toBeLessThan(1e5);
  });

  test('with a flipped bit are named and never given, and those before it are', async () => {
    const fabric = await servers.open();
    const { checkpoints } = fabric;
    const [first, second] = await putAll(fabric, 'k', [bytes('first one'), bytes('second one')]);
    await flip(fabric, 'k');
    const [damaged] = await checkpoints.versions('k');
    const revision = damaged?.revision ?? 0;
    expect(revision).toBeGreaterThan(second ?? 0);
    const named = { code: 'LOG_CORRUPT', details: { key: 'k', revision } };
    await expect(checkpoints.get('k')).rejects.toMatchObject(named);
    await expect(checkpoints.version('k', revision)).rejects.toMatchObject(named);
    const read = await checkpoints.version('k', second ?? 0);
    expect(Buffer.from(read?.body ?? '').toString()).toBe('second one');
    expect(await checkpoints.version('k', first ?? 0)).toBeDefined();
    // It is replaced like any other one.
    expect(await checkpoints.put('k', bytes('third'), revision)).toBeGreaterThan(revision);
    expect(Buffer.from((await checkpoints.get('k'))?.body ?? '').toString()).toBe('third');
  });

  test('are compressed where that saves something, and read by whoever is configured otherwise', async () => {
    const config = servers.config({ compressCheckpoints: true });
    const { checkpoints, names } = await servers.open('packs', config);
    const random = new Uint8Array(randomBytes(4_000));
    await checkpoints.put('dense', random, 0);
    expect((await streamState(names.checkpointStream)).bytes).toBeGreaterThan(4_000);
    const first = (await checkpoints.put('loose', large(7), 0)) ?? 0;
    await checkpoints.putOnTop('loose', new Uint8Array(50_000).fill(1), first);
    // Neither lies in the object store, nor takes much beside the dense one.
    expect((await streamState(names.checkpointStream)).bytes).toBeLessThan(12_000);
    const plain = await servers.open('reads', { ...config, compressCheckpoints: false });
    const found = await plain.checkpoints.get('loose');
    expect(found?.body.length).toBe(50_000);
    expect(Buffer.compare(found?.base ?? bytes(''), large(7))).toBe(0);
    expect(Buffer.compare((await plain.checkpoints.get('dense'))?.body ?? bytes(''), random)).toBe(
      0,
    );
    const sizes = (await plain.checkpoints.versions('loose')).map((one) => one.bytes);
    expect(sizes).toEqual([50_000, 1_500_000]);
    await flip(plain, 'loose');
    await expect(plain.checkpoints.get('loose')).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });

  test('on top of one with a flipped bit are not given either, and it is that one that is named', async () => {
    const fabric = await servers.open();
    const { checkpoints } = fabric;
    await putAll(fabric, 'k', [bytes('whole one')]);
    await flip(fabric, 'k');
    const [damaged] = await checkpoints.versions('k');
    await checkpoints.putOnTop('k', bytes('rest'), damaged?.revision ?? 0);
    await expect(checkpoints.get('k')).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      details: { revision: damaged?.revision },
    });
  });
});

/** Asks the store again and again until it is so: there is no event to wait for. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}
