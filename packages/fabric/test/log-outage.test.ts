import type { LogRecord, Logs, LogWriter } from '@troupe/fabric';
import { decode, encode, logName } from '@troupe/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { awaitLine, TestServers } from './cluster-servers.ts';
import { Follower } from './follower.ts';
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

const log = logName('turns-n1_aaaaaaaa');
const opening = encode({ opened: 1 });

async function bodies(logs: Logs): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const record of logs.read(log, 2)) found.push(decode(record.body));
  return found;
}

/** A writer behind a wire that can be cut, and a reader that is not. */
async function apart(): Promise<{ writer: LogWriter; logs: Logs; close(): Promise<void> }> {
  const near = servers.config();
  const far = servers.config({ cell: near.cell, natsUrl: `nats://127.0.0.1:${wire.port}` });
  const reader = await servers.open('reader', near);
  await reader.logs.create(log, opening);
  const fabric = await servers.open('writer', far);
  const writer = await fabric.logs.writer(log);
  await writer.append([encode('first')]);
  return { writer, logs: reader.logs, close: () => fabric.close() };
}

async function arrivalAt(logs: Logs, position: number): Promise<void> {
  const follower = new Follower();
  const feed = await logs.follow(log, 1, follower);
  await follower.reached(position);
  await feed.stop();
}

describe('an append whose answer never came', () => {
  test('but which was stored is recognised as its own, and stands there once', async () => {
    const { writer, logs } = await apart();
    wire.mute('replies');
    const append = writer.append([encode('second')]);
    await arrivalAt(logs, 3);
    wire.heal();
    wire.cut();
    expect(await append).toBe(3);
    expect(await writer.append([encode('third')])).toBe(4);
    expect(await bodies(logs)).toEqual(['first', 'second', 'third']);
  });

  test('and which was lost on its way is sent again, and stands there once', async () => {
    const { writer, logs } = await apart();
    wire.mute('requests');
    const append = writer.append([encode('second')]);
    // The request has been swallowed once everything written before has left this process.
    await new Promise<void>((resolve) => setImmediate(resolve));
    wire.heal();
    wire.cut();
    expect(await append).toBe(3);
    expect(await bodies(logs)).toEqual(['first', 'second']);
  });

  test('is refused when another writer has its place meanwhile', async () => {
    const { writer, logs } = await apart();
    wire.mute('requests');
    const append = writer.append([encode('mine')]);
    await (await logs.writer(log)).append([encode('theirs')]);
    wire.heal();
    wire.cut();
    await expect(append).rejects.toMatchObject({ code: 'DEPOSED' });
    expect(await bodies(logs)).toEqual(['first', 'theirs']);
  });

  test('is refused when the log was sealed meanwhile, and is in the log when it came before', async () => {
    const { writer, logs } = await apart();
    wire.mute('replies');
    const stored = writer.append([encode('before')]);
    await arrivalAt(logs, 3);
    expect(await logs.seal(log, encode('sealed'))).toBe(4);
    wire.heal();
    wire.cut();
    expect(await stored).toBe(3);
    await expect(writer.append([encode('after')])).rejects.toMatchObject({ code: 'DEPOSED' });
  });

  test('ends with an error when its connection is closed, and never answers after', async () => {
    const { writer, logs, close } = await apart();
    wire.mute('requests');
    const append = writer.append([encode('second')]);
    const refused = expect(append).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    wire.refuse();
    wire.cut();
    await close();
    await refused;
    await expect(writer.append([encode('x')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await bodies(logs)).toEqual(['first']);
  });
});

describe('while nats-server', () => {
  test('stands still, an append waits; afterwards it and its twins stand there once', async () => {
    const waiting = awaitLine('still waiting for NATS');
    const { logs } = await servers.open('w', servers.config(), waiting.logger);
    await logs.create(log, opening);
    const writer = await logs.writer(log);
    await writer.append([encode('first')]);
    servers.nats.kill('SIGSTOP');
    const append = writer.append([encode('second')]);
    await waiting.seen;
    servers.nats.kill('SIGCONT');
    expect(await append).toBe(3);
    expect(await writer.append([encode('third')])).toBe(4);
    expect(await bodies(logs)).toEqual(['first', 'second', 'third']);
  });

  test('is killed and restarted, every acknowledged record stands in the log exactly once', async () => {
    const config = servers.config();
    const { logs } = await servers.open('w', config);
    await logs.create(log, opening);
    const watcher = await servers.open('f', config);
    const follower = new FollowerOfBodies();
    const feed = await watcher.logs.follow(log, 2, follower);
    const writer = await logs.writer(log);
    const acknowledged: string[] = [];
    let restarts = 0;
    let restarting: Promise<void> | undefined;
    for (let count = 0; count < 600 || restarts < 3; count++) {
      if (count % 150 === 50 && restarts < 3) {
        await restarting;
        restarts += 1;
        restarting = servers.crash(servers.nats);
      }
      const body = `record ${count}`;
      expect(await writer.append([encode(body)])).toBe(acknowledged.length + 2);
      acknowledged.push(body);
    }
    await restarting;
    await follower.reached(writer.last);
    await feed.stop();
    expect(await bodies(logs)).toEqual(acknowledged);
    expect(follower.bodies).toEqual(acknowledged);
  });

  test('is down, seals and readers wait for it instead of failing', async () => {
    const { logs } = await servers.open();
    await logs.create(log, opening);
    servers.nats.kill('SIGKILL');
    await servers.nats.exited;
    const sealed = logs.seal(log, encode('s'));
    const read = bodies(logs);
    await servers.nats.restart();
    expect(await sealed).toBe(2);
    expect((await read).length).toBeLessThanOrEqual(1);
  });
});

describe('a follower behind a broken wire', () => {
  test('loses nothing and repeats nothing', async () => {
    const near = servers.config();
    const far = servers.config({ cell: near.cell, natsUrl: `nats://127.0.0.1:${wire.port}` });
    const { logs } = await servers.open('writer', near);
    await logs.create(log, opening);
    const writer = await logs.writer(log);
    const watcher = await servers.open('watcher', far);
    const follower = new FollowerOfBodies();
    const feed = await watcher.logs.follow(log, 2, follower);
    const written: number[] = [];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 50; i++) {
        written.push(written.length);
        await writer.append([encode(written.length - 1)]);
        if (i === 20) wire.mute('replies');
        if (i === 30) {
          wire.heal();
          wire.cut();
        }
      }
      await follower.reached(writer.last);
    }
    await feed.stop();
    expect(follower.bodies).toEqual(written);
  });
});

class FollowerOfBodies extends Follower {
  readonly bodies: unknown[] = [];
  override record(record: LogRecord): void {
    super.record(record);
    this.bodies.push(decode(record.body));
  }
}
