import type { LogRecord, Logs } from '@troupe/fabric';
import { decode, encode, logName } from '@troupe/model';
import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestServers } from './cluster-servers.ts';
import { Follower } from './follower.ts';

const servers = new TestServers();
beforeAll(() => servers.start());
afterAll(() => servers.stop());

const log = logName('turns-n1_aaaaaaaa');
const opening = encode({ opened: 1 });

async function all(logs: Logs, from = 1, to?: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of logs.read(log, from, to)) records.push(record);
  return records;
}
const bodies = (records: readonly LogRecord[]) => records.map((record) => decode(record.body));
const places = (records: readonly LogRecord[]) =>
  records.map((record) => `${record.position} ${record.kind}`);

async function opened(): Promise<Logs> {
  const { logs } = await servers.open();
  await logs.create(log, opening);
  return logs;
}

describe('a log', () => {
  test('gives back what was appended, in order, after its opening record', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    expect(await writer.append([encode('a'), encode('b')])).toBe(3);
    expect(await writer.append([encode('c')])).toBe(4);
    expect(places(await all(logs))).toEqual(['1 open', '2 rec', '3 rec', '4 rec']);
    expect(bodies(await all(logs, 2))).toEqual(['a', 'b', 'c']);
    expect(bodies(await all(logs, 3, 3))).toEqual(['b']);
    expect(await all(logs, 5)).toEqual([]);
    expect(await logs.end(log)).toBe(4);
  });

  test('is made once: again with the same opening is fine, with another it is refused', async () => {
    const logs = await opened();
    await logs.create(log, opening);
    expect(places(await all(logs))).toEqual(['1 open']);
    const other = logs.create(log, encode({ opened: 2 }));
    await expect(other).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(await logs.list()).toEqual([log]);
    await logs.delete(log);
    await logs.delete(log);
    expect(await logs.list()).toEqual([]);
  });

  test('that does not exist says so instead of reading as empty', async () => {
    const { logs } = await servers.open();
    await expect(all(logs)).rejects.toThrow(/does not exist/);
    await expect(logs.writer(log)).rejects.toThrow(/does not exist/);
    await expect(logs.seal(log, opening)).rejects.toThrow(/does not exist/);
  });

  test('lets racing writers have exactly one record for each position', async () => {
    const config = servers.config();
    const first = await servers.open('w0', config);
    await first.logs.create(log, opening);
    const acknowledged = new Map<number, string>();
    const race = async (name: string) => {
      const { logs } = await servers.open(name, config);
      let writer = await logs.writer(log);
      for (let count = 0; count < 40; ) {
        const body = `${name}-${count}`;
        try {
          const position = await writer.append([encode(body)]);
          expect(acknowledged.has(position), `position ${position} was given twice`).toBe(false);
          acknowledged.set(position, body);
          count += 1;
        } catch (reason) {
          expect(reason).toMatchObject({ code: 'DEPOSED' });
          await expect(writer.append([encode('no')])).rejects.toMatchObject({ code: 'DEPOSED' });
          writer = await logs.writer(log);
        }
      }
    };
    await Promise.all(['w1', 'w2', 'w3'].map(race));
    const records = await all(first.logs, 2);
    expect(records).toHaveLength(120);
    for (const record of records) {
      expect(decode(record.body)).toBe(acknowledged.get(record.position));
    }
  });

  test('refuses its writer after a seal, and the first seal counts', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    await writer.append([encode('a')]);
    expect(await logs.seal(log, encode('first'))).toBe(3);
    expect(await logs.seal(log, encode('second'))).toBe(3);
    await expect(writer.append([encode('late')])).rejects.toMatchObject({ code: 'DEPOSED' });
    await expect(writer.append([encode('late')])).rejects.toMatchObject({ code: 'DEPOSED' });
    await expect(logs.writer(log)).rejects.toMatchObject({ code: 'DEPOSED' });
    expect(places(await all(logs))).toEqual(['1 open', '2 rec', '3 seal']);
  });

  test('sealed by many at once has one seal that all of them name', async () => {
    const logs = await opened();
    const others = await Promise.all([1, 2, 3, 4].map((by) => logs.seal(log, encode(by))));
    expect(new Set(others)).toEqual(new Set([2]));
  });

  test('refuses a writer whose log was deleted', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    await logs.delete(log);
    await expect(writer.append([encode('a')])).rejects.toMatchObject({ code: 'DEPOSED' });
  });

  test('refuses a writer whose log was deleted and made again, whatever position it expects', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    await writer.append([encode('old'), encode('old')]);
    await logs.delete(log);
    await logs.create(log, opening);
    await expect(writer.append([encode('late')])).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    expect(places(await all(logs))).toEqual(['1 open']);
  });

  test('keeps its opening record, its seal and its fence when it is trimmed', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    for (let i = 0; i < 10; i++) await writer.append([encode(i)]);
    await logs.trim(log, 8);
    expect(places(await all(logs))).toEqual(['1 open', ...[8, 9, 10, 11].map((at) => `${at} rec`)]);
    expect(await writer.append([encode('after')])).toBe(12);
    expect(await logs.seal(log, encode('end'))).toBe(13);
    await logs.trim(log, 100);
    expect(places(await all(logs))).toEqual(['1 open', '13 seal']);
    expect(places(await all(logs, 5))).toEqual(['13 seal']);
    await expect(writer.append([encode('late')])).rejects.toMatchObject({ code: 'DEPOSED' });
    await expect(logs.writer(log)).rejects.toMatchObject({ code: 'DEPOSED' });
    expect(await logs.end(log)).toBe(13);
  });

  test('trimmed to its last record is read to its end and goes on', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    await writer.append([encode('a'), encode('b')]);
    await logs.trim(log, 4);
    expect(places(await all(logs))).toEqual(['1 open']);
    expect(await logs.end(log)).toBe(3);
    expect(await (await logs.writer(log)).append([encode('c')])).toBe(4);
    expect(places(await all(logs))).toEqual(['1 open', '4 rec']);
  });

  test('carries records of the largest size, and many of them at the pace of the reader', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    const body = new Uint8Array(900_000).fill(1);
    for (let i = 0; i < 40; i++) await writer.append([body]);
    let count = 0;
    for await (const record of logs.read(log, 2)) {
      expect(record.body.length).toBe(body.length);
      count += 1;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(count).toBe(40);
  });

  test('of thousands of records is read whole', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    const records = Array.from({ length: 3_000 }, (_, index) => encode(index));
    await writer.append(records);
    expect(bodies(await all(logs, 2))).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
  });

  test('with a hole in its middle is refused by readers and followers', async () => {
    const { logs, names } = await servers.open();
    const nats = await connect({ servers: servers.nats.url });
    const streams = (await nats.jetstreamManager()).streams;
    const subject = names.logSubject(log);
    // As a log is, but for the rule that no single record may be deleted.
    const subjects = ['open', 'rec', 'seal'].map((kind) => `${subject}.${kind}`);
    await streams.add({ name: names.logStream(log), subjects });
    await logs.create(log, opening);
    await (await logs.writer(log)).append([encode('a'), encode('b'), encode('c')]);
    await streams.deleteMessage(names.logStream(log), 3);
    await nats.close();
    await expect(all(logs)).rejects.toMatchObject({ code: 'LOG_CORRUPT', details: { missing: 3 } });
    const broken = new Promise<Error>((resolve) => {
      void logs.follow(log, 1, { record() {}, caughtUp() {}, broken: resolve });
    });
    expect(await broken).toMatchObject({ code: 'LOG_CORRUPT' });
  });

  test('with a flipped bit in a record is read up to that, which is named, and from behind it', async () => {
    const { logs, names } = await servers.open();
    await logs.create(log, opening);
    await (await logs.writer(log)).append([encode('a'), encode('b')]);
    await flipped(names.logStream(log), `${names.logSubject(log)}.rec`);
    await (await logs.writer(log)).append([encode('d')]);
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const { body } of logs.read(log, 2)) read.push(decode(body));
    })();
    const named = { code: 'LOG_CORRUPT', details: { log, position: 4 } };
    await expect(reading).rejects.toMatchObject(named);
    expect(read).toEqual(['a', 'b']);
    expect(bodies(await all(logs, 5))).toEqual(['d']);
    const broken = new Promise<Error>((resolve) => {
      void logs.follow(log, 1, { record() {}, caughtUp() {}, broken: resolve });
    });
    expect(await broken).toMatchObject(named);
  });
});

/** The last record of a subject once more, with a bit of its body flipped. */
async function flipped(stream: string, subject: string): Promise<void> {
  const nats = await connect({ servers: servers.nats.url });
  const { streams } = await nats.jetstreamManager();
  const { header, data } = await streams.getMessage(stream, { last_by_subj: subject });
  for (const name of header.keys()) if (name.startsWith('Nats-')) header.delete(name);
  const body = Uint8Array.from(data);
  body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
  await nats.jetstream().publish(subject, body, { headers: header });
  await nats.close();
}

describe('a follower', () => {
  test('sees what is there, says that it has caught up, and then sees what comes', async () => {
    const logs = await opened();
    const writer = await logs.writer(log);
    await writer.append([encode('a')]);
    const follower = new Follower();
    const feed = await logs.follow(log, 1, follower);
    await follower.reached(2);
    await writer.append([encode('b')]);
    await follower.reached(3);
    await feed.stop();
    await writer.append([encode('unseen')]);
    expect(follower.positions).toEqual([1, 2, 3]);
    expect(follower.arrivals).toEqual([2, 3]);
  });

  test('of a log without news has caught up at once', async () => {
    const logs = await opened();
    const follower = new Follower();
    const feed = await logs.follow(log, 2, follower);
    await follower.reached(1);
    await feed.stop();
    expect(follower.positions).toEqual([]);
  });

  test('that hears heartbeats but no records notices, and asks anew', async () => {
    const { logs, names } = await servers.open();
    await logs.create(log, opening);
    const writer = await logs.writer(log);
    const follower = new Follower();
    const following = await logs.follow(log, 1, follower);
    await follower.reached(1);
    // As of a server whose replica takes in no more records: its consumer beats on, about nothing.
    const nats = await connect({ servers: servers.nats.url });
    const { consumers } = await nats.jetstreamManager();
    const stream = names.logStream(log);
    const [consumer] = await consumers.list(stream).next();
    // The client finds only durable ones when it is to change one.
    const filter_subject = `${names.logSubject(log)}.seal`;
    const change = { ...consumer?.config, name: consumer?.name, filter_subject };
    const request = { stream_name: stream, config: change, action: 'update' };
    const api = `$JS.API.CONSUMER.CREATE.${stream}.${consumer?.name}.${filter_subject}`;
    const answer = await nats.request(api, JSON.stringify(request));
    expect(answer.json()).toMatchObject({ config: { filter_subject } });
    await nats.close();
    await writer.append([encode('unheard')]);
    await follower.reached(2);
    await writer.append([encode('heard')]);
    await follower.reached(3);
    expect(follower.positions).toEqual([1, 2, 3]);
    await following.stop();
  });

  test('is told when the log is deleted', async () => {
    const logs = await opened();
    const follower = new Follower();
    await logs.follow(log, 1, follower);
    await follower.reached(1);
    await logs.delete(log);
    expect(await follower.broke).toMatchObject({ code: 'LOG_CORRUPT' });
  });
});
