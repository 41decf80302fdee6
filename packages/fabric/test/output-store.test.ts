import { sha256 } from '@troupe/fabric';
import type { StoredObject } from '@troupe/model';
import { connect } from 'nats';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
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

const limitMs = 20_000;
/** Every byte differs from its neighbours, so that a chunk in a wrong place shows. */
const body = (bytes: number, salt = 0) =>
  Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 9) + salt) & 0xff);

async function jetStream<T>(act: (nats: Awaited<ReturnType<typeof connect>>) => Promise<T>) {
  const nats = await connect({ servers: servers.nats.url });
  try {
    return await act(nats);
  } finally {
    await nats.close();
  }
}

const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'none',
    (reason: { code?: string }) => reason.code,
  );

test('an output of many chunks comes back byte for byte, from another process too', async () => {
  const config = servers.config();
  const near = await servers.open('near', config);
  const far = await servers.open('far', servers.config({ cell: config.cell }));
  for (const [object, bytes] of [
    [1, 600_000],
    [2, 512 * 1024 * 4],
    [3, 5_000_001],
  ] as const) {
    const given = body(bytes, object);
    const stored = await near.outputs.put(object, given, limitMs);
    expect(stored).toEqual({ object, hash: sha256(given), bytes });
    expect(Buffer.compare(await far.outputs.get(stored, limitMs), given)).toBe(0);
  }
});

test('equal content of two owners is two objects: deleting one leaves the other', async () => {
  const { outputs, logs } = await servers.open();
  const given = body(700_000);
  const one = await outputs.put(11, given, limitMs);
  const other = await outputs.put(12, given, limitMs);
  expect([...(await outputs.list())].sort()).toEqual([11, 12]);
  expect(await logs.list()).toEqual([]);
  await outputs.delete(11);
  expect(await outputs.list()).toEqual([12]);
  expect(Buffer.compare(await outputs.get(other, limitMs), given)).toBe(0);
  expect(await codeOf(outputs.get(one, limitMs))).toBe('OBJECT_CORRUPT');
});

test('putting the same again changes nothing, and what was stored by half is deleted whole', async () => {
  const { outputs, names } = await servers.open();
  const given = body(1_300_000);
  await Promise.all([1, 2, 3].map(() => outputs.put(21, given, limitMs)));
  const count = () =>
    jetStream(async (nats) => {
      const info = await (await nats.jetstreamManager()).streams.info(names.outputStream);
      return info.state.messages;
    });
  expect(await count()).toBe(3);
  await jetStream((nats) =>
    nats.jetstream().publish(names.output(22, `${'a'.repeat(64)}.0`), body(10)),
  );
  expect([...(await outputs.list())].sort()).toEqual([21, 22]);
  for (const object of [21, 22]) await outputs.delete(object);
  expect(await outputs.list()).toEqual([]);
  expect(await count()).toBe(0);
});

test('a damaged, shortened or absent object is found and named', async () => {
  const { outputs, names } = await servers.open();
  const stored = await outputs.put(31, body(1_200_000), limitMs);
  const chunk = (object: StoredObject, at: number) =>
    names.output(object.object, `${object.hash}.${at}`);
  const spoil = (at: number, bytes: Uint8Array) =>
    jetStream((nats) => nats.jetstream().publish(chunk(stored, at), bytes));
  const damaged = body(1_200_000).slice(0, 512 * 1024);
  damaged[100] = (damaged[100] ?? 0) ^ 1;
  await spoil(0, damaged);
  const reason = await outputs.get(stored, limitMs).catch((thrown: unknown) => thrown);
  expect(reason).toMatchObject({
    code: 'OBJECT_CORRUPT',
    details: { object: 31, hash: stored.hash },
  });
  await spoil(0, damaged.slice(1));
  expect(await codeOf(outputs.get(stored, limitMs))).toBe('OBJECT_CORRUPT');
  await outputs.delete(31);
  expect(await codeOf(outputs.get(stored, limitMs))).toBe('OBJECT_CORRUPT');
  const never = { object: 99, hash: sha256('x'), bytes: 600_000 };
  expect(await codeOf(outputs.get(never, limitMs))).toBe('OBJECT_CORRUPT');
});

test('a store that does not answer is given up in bounded time, and used again when it does', async () => {
  const config = servers.config();
  const natsUrl = `nats://127.0.0.1:${wire.port}`;
  const { outputs } = await servers.open('far', servers.config({ cell: config.cell, natsUrl }));
  const given = body(600_000);
  const stored = await outputs.put(41, given, limitMs);
  wire.mute('requests', 'replies');
  const codes = [outputs.put(42, given, 500), outputs.get(stored, 500)].map(codeOf);
  expect(await Promise.all(codes)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  wire.heal();
  wire.cut();
  expect(Buffer.compare(await outputs.get(stored, limitMs), given)).toBe(0);
});
