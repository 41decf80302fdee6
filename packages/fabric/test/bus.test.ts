import { type Fabric, openFabric, silentLogger } from '@troupe/fabric';
import { decode, troupeError } from '@troupe/model';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestServers } from './cluster-servers.ts';
import { TcpProxy } from './tcp-proxy.ts';

interface Note {
  readonly number: number;
  readonly padding?: string;
}

const servers = new TestServers();
let fabric: Fabric;
let raw: NatsConnection;
let subjects = 0;

beforeAll(async () => {
  await servers.start();
  fabric = await servers.open();
  raw = await connect({ servers: servers.nats.url });
});
afterAll(async () => {
  await raw.close();
  await servers.stop();
});

function newSubject(): string {
  subjects += 1;
  return `test.bus.${subjects}`;
}

/** Everything that arrives on a subject, and a promise of a number of them. */
async function hear(subject: string, from = fabric) {
  const notes: Note[] = [];
  let waiting: { count: number; resolve: () => void } | undefined;
  from.bus.listen(subject, (note: Note) => {
    notes.push(note);
    if (waiting !== undefined && notes.length >= waiting.count) waiting.resolve();
  });
  await from.bus.flush();
  return {
    notes,
    count: (count: number) =>
      new Promise<void>((resolve) => {
        waiting = { count, resolve };
        if (notes.length >= count) resolve();
      }),
  };
}

describe('the bus', () => {
  test('packs what is sent in one turn to one subject into one message of the broker', async () => {
    const subject = newSubject();
    const packets: number[] = [];
    raw.subscribe(subject, {
      callback: (_error, message) => packets.push(decode<Note[]>(message.data).length),
    });
    await raw.flush();
    const heard = await hear(subject);
    for (let number = 0; number < 100; number++) fabric.bus.send(subject, { number });
    await heard.count(100);
    await raw.flush();
    expect(heard.notes.map((note) => note.number)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
    expect(packets).toEqual([100]);
  });

  test('splits what is too much for one message, and keeps the order', async () => {
    const subject = newSubject();
    const heard = await hear(subject);
    const padding = 'x'.repeat(300_000);
    for (let number = 0; number < 40; number++) fabric.bus.send(subject, { number, padding });
    await heard.count(40);
    expect(heard.notes.map((note) => note.number)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test('refuses a message over the limit to its sender', () => {
    const note = { number: 1, padding: 'x'.repeat(1_000_000) };
    const send = () => fabric.bus.send(newSubject(), note);
    expect(send).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  test('delivers what a listener after a failing one should hear', async () => {
    const subject = newSubject();
    const failing = await hear(subject);
    fabric.bus.listen(subject, () => {
      throw new Error('a bad listener');
    });
    const heard = await hear(subject);
    fabric.bus.send(subject, { number: 1 });
    fabric.bus.send(subject, { number: 2 });
    await Promise.all([heard.count(2), failing.count(2)]);
    raw.publish(subject, new Uint8Array([0xc1, 0xff]));
    fabric.bus.send(subject, { number: 3 });
    await heard.count(3);
  });

  test('stops delivering to a listener that has stopped', async () => {
    const subject = newSubject();
    let count = 0;
    const listener = fabric.bus.listen(subject, () => {
      count += 1;
    });
    const heard = await hear(subject);
    fabric.bus.send(subject, { number: 1 });
    await heard.count(1);
    listener.stop();
    fabric.bus.send(subject, { number: 2 });
    await heard.count(2);
    expect(count).toBe(1);
  });

  test('answers questions, and carries the failure of who answers', async () => {
    const subject = newSubject();
    fabric.bus.answer(subject, async (question: Note) => {
      if (question.number === 2) throw troupeError('WRONG_STATE', 'it is two');
      return { doubled: question.number * 2 };
    });
    await fabric.bus.flush();
    expect(await fabric.bus.ask(subject, { number: 1 }, 5_000)).toEqual({ doubled: 2 });
    const refused = fabric.bus.ask(subject, { number: 2 }, 5_000);
    await expect(refused).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  test('says at once that nobody listens, and later that nobody answered in time', async () => {
    const nobody = fabric.bus.ask(newSubject(), { number: 1 }, 60_000);
    await expect(nobody).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const subject = newSubject();
    fabric.bus.answer(subject, () => new Promise(() => {}));
    await fabric.bus.flush();
    const late = fabric.bus.ask(subject, { number: 1 }, 50);
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('drops what is sent while it is disconnected, and says so when it is back', async () => {
    const wire = await TcpProxy.start(servers.nats.port);
    const lines: object[] = [];
    const config = servers.config({ natsUrl: `nats://127.0.0.1:${wire.port}` });
    const logger = { ...silentLogger, warn: (fields: object) => lines.push(fields) };
    const apart = await openFabric({ config, name: 'apart', logger });
    const subject = newSubject();
    const heard = await hear(subject);
    const changes = changesOf(apart);
    wire.refuse();
    wire.cut();
    await changes.next(false);
    expect(apart.bus.connected).toBe(false);
    for (let number = 0; number < 5; number++) apart.bus.send(subject, { number });
    const asked = apart.bus.ask(subject, { number: 1 }, 5_000);
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    wire.heal();
    await changes.next(true);
    apart.bus.send(subject, { number: 99 });
    await heard.count(1);
    expect(heard.notes).toEqual([{ number: 99 }]);
    expect(lines).toContainEqual(expect.objectContaining({ messages: 5 }));
    await apart.close();
    await wire.stop();
  });
});

function changesOf(one: Fabric) {
  const seen: boolean[] = [];
  const waiting: { wanted: boolean; resolve: () => void }[] = [];
  one.bus.onConnection((connected) => {
    seen.push(connected);
    for (const { wanted, resolve } of waiting) if (wanted === connected) resolve();
  });
  return {
    next: (wanted: boolean) =>
      new Promise<void>((resolve) => {
        waiting.push({ wanted, resolve });
        if (seen.at(-1) === wanted) resolve();
      }),
  };
}
