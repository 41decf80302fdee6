/** Calls of clients with an idempotency key, as users see them. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Till = actor('Till', {
  state: () => ({ total: 0 }),
  methods: {
    pay(c, amount: number) {
      c.state.total += amount;
      return c.state.total;
    },
    drop(c): never {
      throw new Error(`the coin of ${c.key} rolled away`);
    },
    *count(c, upTo: number) {
      for (let coin = 1; coin <= upTo; coin++) yield coin;
      c.state.total += upTo;
      return c.state.total;
    },
  },
  reads: { total: (c) => c.state.total },
});

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Till } });
});

afterEach(async () => {
  await cluster.stop();
});

const order = { idempotencyKey: 'order-17' };

test('a process that died and asks again under its key has the first reply, wherever the actor is by then', async () => {
  const first = cluster.connect();
  expect(await first.actor(Till, 'a', order).pay(5)).toBe(5);
  await first.close();
  await cluster.crash(await cluster.whereIs(Till, 'a'));
  const second = cluster.connect();
  expect(await second.actor(Till, 'a').pay(2)).toBe(7);
  expect(await second.actor(Till, 'a', order).pay(5)).toBe(5);
  expect(await second.actor(Till, 'a').total()).toBe(7);
});

test('two processes that ask at once under one key have the same reply, of one call', async () => {
  const pay = () => cluster.connect().actor(Till, 'a', order).pay(5);
  expect(await Promise.all([pay(), pay(), pay()])).toEqual([5, 5, 5]);
  expect(await cluster.connect().actor(Till, 'a').total()).toBe(5);
});

test('another call under the key is refused with what differs, and does nothing', async () => {
  const till = cluster.connect().actor(Till, 'a', order);
  await till.pay(5);
  await expect(till.pay(6)).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    details: { differs: 'arguments', key: 'order-17' },
  });
  await expect(till.count(5)).rejects.toMatchObject({ details: { differs: 'method' } });
  const another = cluster.connect().actor(Till, 'b', order);
  expect(await another.pay(6)).toBe(6);
  expect(await cluster.connect().actor(Till, 'a').total()).toBe(5);
});

test('a call with a key that fails has failed when it is asked for again', async () => {
  const drop = () => cluster.connect().actor(Till, 'a', order).drop();
  await expect(drop()).rejects.toThrow('the coin of a rolled away');
  await expect(drop()).rejects.toThrow('the coin of a rolled away');
});

test('a key is the id of a stream too, whose reply a call under it has', async () => {
  const till = cluster.connect().actor(Till, 'a', order);
  const coins: number[] = [];
  for await (const coin of till.stream.count(3)) coins.push(coin);
  expect(coins).toEqual([1, 2, 3]);
  expect(await cluster.connect().actor(Till, 'a', order).count(3)).toBe(3);
});

test('a key that is none is refused where it is given, and so is one of a pool, a signal or an old turn', async () => {
  const troupe = cluster.connect();
  expect(() => troupe.actor(Till, 'a', { idempotencyKey: '' })).toThrow('1 to 128 characters');
  const both = { idempotencyKey: 'k', stream: 's' };
  expect(() => troupe.actor(Till, 'a', both)).toThrow('the id of a stream, which is one too');
  expect(() => troupe.pool(Till, 2, order as object)).toThrow('a pool has no idempotencyKey');
  await expect(troupe.signal(Till, 'a', 'go', 1, order as object)).rejects.toThrow(
    'a signal has no',
  );
  const old = troupe.actor(Till, 'a', { ...order, atTurn: 1 });
  await expect(old.total()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('whoever is aborted leaves a call with a key, which goes on', async () => {
  const leaves = new AbortController();
  const left = cluster.connect().actor(Till, 'a', { ...order, signal: leaves.signal });
  const paid = left.pay(5);
  leaves.abort();
  await expect(paid).rejects.toMatchObject({ code: 'CANCELLED' });
  await cluster.connect().actor(Till, 'a', order).pay(5);
  expect(await cluster.connect().actor(Till, 'a').total()).toBe(5);
});
