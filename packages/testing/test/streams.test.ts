/** Values taken as a method yields them, seen in a test cluster. */
import { setTimeout as pause } from 'node:timers/promises';
import { actor, type TroupeError } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** How often each page was fetched outside. */
const fetched: number[] = [];

let runs = 0;

const Reader = actor('Reader', {
  state: () => ({ read: 0 }),
  methods: {
    async *pages(c, to: number) {
      for (let page = 0; page < to; page++) {
        await c.step(`fetch ${page}`, async () => {
          await pause(2);
          fetched.push(page);
        });
        yield `page ${page}`;
      }
      c.state.read += to;
      return c.state.read;
    },
    /** Each run of the turn yields other values. */
    async *runs(c, to: number) {
      runs += 1;
      const run = runs;
      for (let at = 0; at < to; at++) {
        await c.step(`think ${at}`, () => pause(2, at));
        yield [at, run] as const;
      }
    },
    async *fails() {
      yield 1;
      throw new Error('no more');
    },
    *many(_c, to: number) {
      for (let at = 0; at < to; at++) yield at;
    },
    async *guesses(c, name: string) {
      const run = c.continueStream();
      for (let at = 0; at < 5; at++) {
        if (at === 2) await c.waitFor('goOn');
        yield { run, guess: `${name} ${at}` };
      }
    },
    async *asks(c) {
      yield 'may I?';
      const answer = await c.waitFor<string>('answer');
      yield answer;
      return 'done';
    },
    count(c) {
      return c.state.read;
    },
    stream: (_c, text: string) => `a method named stream: ${text}`,
  },
});

let cluster: TestCluster;

beforeEach(async () => {
  fetched.length = 0;
  cluster = await TestCluster.start({ bundle: { Reader } });
});

afterEach(async () => {
  await cluster.stop();
});

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const value of values) taken.push(value);
  return taken;
}

test('a method that yields is taken value by value, and comes to what it returns', async () => {
  const reader = cluster.connect().actor(Reader, 'a');
  const stream = reader.stream.pages(3);
  const pages: string[] = [];
  for await (const page of stream) pages.push(page);
  expect(pages).toEqual(['page 0', 'page 1', 'page 2']);
  expect(await stream.reply()).toBe(3);
  expect(await reader.count()).toBe(3);
});

test('called without taking it comes to what it returns, typed so', async () => {
  const reader = cluster.connect().actor(Reader, 'a');
  const read: number = await reader.pages(2);
  expect(read).toBe(2);
  const reply: number = await reader.stream.pages(2).reply();
  expect(reply).toBe(4);
});

test('a stream goes on where it was when its node dies, each position once and each step once', async () => {
  const troupe = cluster.connect();
  const stream = troupe.actor(Reader, 'a').stream.pages(20);
  const pages: string[] = [];
  for await (const page of stream) {
    pages.push(page);
    if (pages.length === 5) await cluster.crash(await cluster.whereIs(Reader, 'a'));
    if (pages.length === 10) await cluster.crash('scheduler');
    if (pages.length === 15) await cluster.crashRunners(await cluster.whereIs(Reader, 'a'));
  }
  expect(pages).toEqual(Array.from({ length: 20 }, (_, at) => `page ${at}`));
  expect(new Set(fetched).size).toBe(20);
  expect(await stream.reply()).toBe(20);
  expect(await troupe.actor(Reader, 'a').count()).toBe(20);
});

test('what was given stays what it is, whichever run of the turn has yielded it', async () => {
  const troupe = cluster.connect();
  const stream = troupe.actor(Reader, 'a').stream.runs(12);
  const taken: (readonly [number, number])[] = [];
  for await (const value of stream) {
    taken.push(value);
    if (taken.length === 4 || taken.length === 8) {
      await cluster.crash(await cluster.whereIs(Reader, 'a'));
    }
  }
  expect(taken.map(([at]) => at)).toEqual(Array.from({ length: 12 }, (_, at) => at));
  expect(new Set(taken.map(([, run]) => run)).size).toBe(3);
  const again = troupe.actor(Reader, 'a', { stream: stream.id }).stream.runs(12);
  expect(await all(again)).toEqual(taken);
});

test('another client goes on with it from a position, while it runs and when it has ended', async () => {
  const first = cluster.connect().actor(Reader, 'a', { stream: 'mine' }).stream.pages(10);
  for await (const _ of first) if (first.position === 4) break;
  const { id: stream, position: from } = first;
  expect([stream, from]).toEqual(['mine', 4]);
  const troupe = cluster.connect();
  const rest = await all(troupe.actor(Reader, 'a', { stream, from }).stream.pages(10));
  expect(rest).toEqual(['page 4', 'page 5', 'page 6', 'page 7', 'page 8', 'page 9']);
  const again = troupe.actor(Reader, 'a', { stream, from: 8 }).stream.pages(10);
  expect(await all(again)).toEqual(['page 8', 'page 9']);
  expect(await again.reply()).toBe(10);
  expect(await troupe.actor(Reader, 'a').count()).toBe(10);
});

test('a stream that nobody has begun is not begun from its middle', async () => {
  const reader = cluster.connect().actor(Reader, 'a', { stream: 'never', from: 3 });
  await expect(all(reader.stream.pages(5))).rejects.toMatchObject({ code: 'SESSION_FORGOTTEN' });
  expect(() => cluster.connect().actor(Reader, 'a', { from: 3 }).stream.pages(5)).toThrow(
    /give the id of one/,
  );
});

test('a method that fails after it has yielded gives its values, then its failure', async () => {
  const stream = cluster.connect().actor(Reader, 'a').stream.fails();
  const taken: number[] = [];
  const reading = (async () => {
    for await (const value of stream) taken.push(value);
  })();
  const reason: TroupeError = await reading.then(
    () => expect.fail('it did not fail'),
    (thrown) => thrown,
  );
  expect(taken).toEqual([1]);
  expect(reason.code).toBe('USER_ERROR');
});

test('a long stream is taken whole, without a gap', async () => {
  const values = await all(cluster.connect().actor(Reader, 'a').stream.many(12_000));
  expect(values).toEqual(Array.from({ length: 12_000 }, (_, at) => at));
});

test('a method that cannot repeat itself says where its stream begins anew', async () => {
  const troupe = cluster.connect();
  const taken: string[] = [];
  for await (const { run, guess } of troupe.actor(Reader, 'a').stream.guesses('g')) {
    taken.push(`${run}: ${guess}`);
    if (taken.length !== 2) continue;
    await cluster.crash(await cluster.whereIs(Reader, 'a'));
    await troupe.signal(Reader, 'a', 'goOn');
  }
  expect(taken).toEqual(['0: g 0', '0: g 1', '2: g 0', '2: g 1', '2: g 2', '2: g 3', '2: g 4']);
});

test('a stream lasts while its method waits for a signal, also when that has left memory', async () => {
  const troupe = cluster.connect();
  const stream = troupe.actor(Reader, 'a').stream.asks();
  const values = stream[Symbol.asyncIterator]();
  expect(await values.next()).toEqual({ done: false, value: 'may I?' });
  const next = values.next();
  await cluster.advance('2h');
  await troupe.signal(Reader, 'a', 'answer', 'you may');
  expect(await next).toEqual({ done: false, value: 'you may' });
  expect(await stream.reply()).toBe('done');
});

test('of a scope that goes back a stream beyond the line is taken back, and no other', async () => {
  const troupe = cluster.connect();
  const reader = (key: string, stream?: string, from = 0) =>
    troupe.actor(Reader, key, { scope: 'team', from, ...(stream === undefined ? {} : { stream }) });
  const before = reader('a').stream.pages(4);
  expect((await all(before)).length).toBe(4);
  const beyond = reader('a').stream.pages(4);
  expect((await all(beyond)).length).toBe(4);
  const waiting = reader('a').stream.asks();
  const values = waiting[Symbol.asyncIterator]();
  await values.next();
  const next = values.next();
  const aside = reader('b').stream.asks();
  const asked = aside[Symbol.asyncIterator]();
  await asked.next();
  await cluster.advance('1s');
  const rewound = troupe.scope('team').rewind({ actor: 'default/Reader/a', turn: 1 });
  await expect(next).rejects.toMatchObject({ code: 'REWOUND' });
  await rewound;
  expect(await all(reader('a', before.id, 2).stream.pages(4))).toEqual(['page 2', 'page 3']);
  for (const from of [0, 2]) {
    const gone = all(reader('a', beyond.id, from).stream.pages(4));
    await expect(gone).rejects.toMatchObject({ code: 'REWOUND' });
  }
  await troupe.signal(Reader, 'b', 'answer', 'you may');
  expect(await asked.next()).toEqual({ done: false, value: 'you may' });
  expect(await aside.reply()).toBe('done');
  expect(await reader('a').count()).toBe(4);
});

test('a method may be named stream', async () => {
  const reader = cluster.connect().actor(Reader, 'a');
  expect(await reader.stream('yes')).toBe('a method named stream: yes');
});

test('whoever leaves by a signal hears so, and the method goes on', async () => {
  const leave = new AbortController();
  const troupe = cluster.connect();
  const { stream } = troupe.actor(Reader, 'a', { signal: leave.signal });
  const taking = stream.pages(3);
  for await (const _ of taking) {
    leave.abort();
    break;
  }
  await expect(all(taking)).rejects.toMatchObject({ code: 'CANCELLED' });
  await cluster.advance('1m');
  expect(await troupe.actor(Reader, 'a').count()).toBe(3);
});
