/** Topics in a test cluster: the code of the runner, the client and the nodes is the real one. */
import { actor, type TopicMessage, task } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Trader = actor('Trader', {
  state: () => ({ heard: [] as [number, string][], from: [] as (string | undefined)[] }),
  methods: {
    async follow(c, topic: string) {
      return await c.subscribe(topic, 'onPrice');
    },
    async leave(c, topic: string) {
      return await c.unsubscribe(topic);
    },
    async misspelt(c) {
      await c.subscribe('prices', 'onPrize');
    },
    forgets(c) {
      void c.subscribe('prices', 'onPrice');
    },
    onPrice(c, price: string, about: TopicMessage) {
      c.state.heard.push([about.number, price]);
      c.state.from.push(about.from);
    },
    deaf() {
      throw new Error('not now');
    },
  },
  reads: { heard: (c) => c.state.heard, from: (c) => c.state.from },
});

const Exchange = actor('Exchange', {
  state: () => ({ told: 0 }),
  methods: {
    tell(c, price: string) {
      c.state.told += 1;
      c.publish('prices', price);
    },
    tellAndFail(c, price: string) {
      c.publish('prices', price);
      throw new Error('thought better of it');
    },
    tellAll(c) {
      c.publish('prices', 'x'.repeat(100_000));
    },
  },
});

const announce = task('announce', async (c, price: string) => await c.publish('prices', price));

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Trader, Exchange, announce } });
});

afterEach(async () => {
  await cluster.stop();
});

test('what is published comes to those who have subscribed, by a turn and by a client', async () => {
  const troupe = cluster.connect();
  const prices = troupe.topic<string>('prices');
  expect(await prices.publish('before')).toBe(1);
  expect(await troupe.actor(Trader, 'a').follow('prices')).toBe(1);
  expect(await prices.subscribe(Trader, 'b', 'onPrice')).toBe(1);
  await troupe.actor(Exchange, 'x').tell('one');
  await cluster.advance('1s');
  expect(await prices.publish('two')).toBe(3);
  await cluster.advance('1s');
  for (const key of ['a', 'b']) {
    expect(await troupe.actor(Trader, key).heard()).toEqual([
      [2, 'one'],
      [3, 'two'],
    ]);
    expect(await troupe.actor(Trader, key).from()).toEqual(['default/Exchange/x', undefined]);
  }
  expect(await troupe.actor(Trader, 'a').leave('prices')).toBe(true);
  expect(await prices.unsubscribe(Trader, 'nobody')).toBe(false);
  await prices.publish('three');
  await cluster.advance('1s');
  expect(await troupe.actor(Trader, 'a').heard()).toHaveLength(2);
  expect(await troupe.actor(Trader, 'b').heard()).toHaveLength(3);
});

test('a turn that fails has published nothing', async () => {
  const troupe = cluster.connect();
  await troupe.topic('prices').subscribe(Trader, 'a', 'onPrice');
  await expect(troupe.actor(Exchange, 'x').tellAndFail('never')).rejects.toThrow('better');
  await troupe.actor(Exchange, 'x').tell('this');
  await cluster.advance('1s');
  expect(await troupe.actor(Trader, 'a').heard()).toEqual([[1, 'this']]);
});

test('a task publishes, and is told the number of its message', async () => {
  const troupe = cluster.connect();
  await troupe.topic('prices').subscribe(Trader, 'a', 'onPrice');
  expect(await troupe.task(announce, 'by a task')).toBe(1);
  await cluster.advance('1s');
  expect(await troupe.actor(Trader, 'a').heard()).toEqual([[1, 'by a task']]);
});

test('each message comes once and in order, whatever holds the topic dies, moves or rests', async () => {
  const troupe = cluster.connect();
  const keys = ['a', 'b', 'c', 'd', 'e'];
  for (const key of keys) await troupe.actor(Trader, key).follow('prices');
  const expected: [number, string][] = [];
  const tell = async (count: number) => {
    for (let at = 0; at < count; at++) {
      const price = `p${expected.length + 1}`;
      await troupe.actor(Exchange, 'x').tell(price);
      expected.push([expected.length + 1, price]);
    }
  };
  const where = () => cluster.whereIs('$topic', 'prices');
  await tell(20);
  await cluster.crash(await where());
  await tell(20);
  await cluster.crash('scheduler');
  await tell(20);
  const from = await where();
  const to = ['node-1', 'node-2', 'node-3'].find((name) => name !== from) ?? '';
  await troupe.migrate('$topic', 'prices', { to });
  await tell(20);
  expect(await where()).toBe(to);
  await cluster.advance('2h');
  await tell(20);
  await cluster.crash(await cluster.whereIs(Trader, 'a'));
  await tell(20);
  await cluster.advance('1m');
  for (const key of keys) expect(await troupe.actor(Trader, key).heard()).toEqual(expected);
});

test('who is paused hears what was published meanwhile, and keeps nobody else waiting', async () => {
  const troupe = cluster.connect();
  const prices = troupe.topic<string>('prices');
  for (const key of ['a', 'b']) await troupe.actor(Trader, key).follow('prices');
  await troupe.actors.pause(Trader, 'a');
  for (const price of ['one', 'two', 'three']) await prices.publish(price);
  await cluster.advance('1m');
  expect(await troupe.actor(Trader, 'b').heard()).toHaveLength(3);
  const { page, waiting } = await prices.view();
  expect(waiting).toBe(3);
  expect(page.map((one) => [one.key, one.waiting])).toEqual([
    ['a', 3],
    ['b', 0],
  ]);
  await cluster.crash(await cluster.whereIs('$topic', 'prices'));
  await troupe.actors.resume(Trader, 'a');
  await cluster.advance('1m');
  expect(await troupe.actor(Trader, 'a').heard()).toEqual([
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
  ]);
  expect(await prices.view()).toMatchObject({ waiting: 0, kept: 0 });
});

test('a destroyed topic begins anew with its name: without subscribers, from message 1', async () => {
  const troupe = cluster.connect();
  const prices = troupe.topic<string>('prices');
  await troupe.actor(Trader, 'a').follow('prices');
  await prices.publish('one');
  await cluster.advance('1s');
  await troupe.actors.destroy('$topic', 'prices');
  expect((await troupe.topics()).topics).toEqual([]);
  expect(await prices.publish('again')).toBe(1);
  expect(await prices.subscribe(Trader, 'b', 'onPrice')).toBe(1);
  await prices.publish('two');
  await cluster.advance('1s');
  expect(await troupe.actor(Trader, 'a').heard()).toEqual([[1, 'one']]);
  expect(await troupe.actor(Trader, 'b').heard()).toEqual([[2, 'two']]);
});

test('a topic is shown among topics, and not among the actors of the tenant', async () => {
  const troupe = cluster.connect();
  const prices = troupe.topic('prices');
  await prices.subscribe(Trader, 'a', 'onPrice');
  await prices.subscribe(Trader, 'b', 'deaf');
  await troupe.topic('news').publish('nothing new');
  await prices.publish('one');
  await cluster.advance('1s');
  const actors = (await troupe.actors()).actors.map((one) => one.actor);
  expect(actors).toEqual(['default/Trader/a', 'default/Trader/b']);
  expect((await troupe.topics()).topics.map(({ name }) => name)).toEqual(['news', 'prices']);
  expect(await troupe.topics({ prefix: 'p' })).toMatchObject({ total: 1 });
  // A method that throws has had its message: like any letter.
  expect(await prices.view()).toEqual({
    topic: 'prices',
    published: 1,
    subscribers: 2,
    kept: 0,
    keptBytes: 0,
    waiting: 0,
    page: [
      { type: 'Trader', key: 'a', method: 'onPrice', after: 0, waiting: 0 },
      { type: 'Trader', key: 'b', method: 'deaf', after: 0, waiting: 0 },
    ],
  });
});

test('what cannot be is refused, with its code', async () => {
  const troupe = cluster.connect();
  await expect(troupe.actor(Trader, 'a').misspelt()).rejects.toMatchObject({
    code: 'UNKNOWN_METHOD',
  });
  await expect(troupe.actor(Trader, 'a').forgets()).rejects.toThrow('without awaiting');
  await expect(troupe.actor(Exchange, 'x').tellAll()).rejects.toMatchObject({ code: 'TOO_LARGE' });
  await expect(troupe.topic('prices').publish('x'.repeat(100_000))).rejects.toMatchObject({
    code: 'TOO_LARGE',
  });
  await expect(
    troupe.topic('prices').subscribe('$topic', 'prices', 'publish'),
  ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(() => troupe.topic('')).toThrow('no name of a topic');
});
