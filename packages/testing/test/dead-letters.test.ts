/** Letters whose turns fail for good, as users see them. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Till = actor('Till', {
  state: () => ({ open: false, booked: [] as string[] }),
  methods: {
    openUp(c) {
      c.state.open = true;
    },
    book(c, id: string) {
      if (!c.state.open) throw new Error(`the till is closed for ${id}`);
      c.state.booked.push(id);
      return c.state.booked.length;
    },
    patient(c, id: string) {
      if (!c.state.open) throw new Error(`the till is closed for ${id}`);
      c.state.booked.push(id);
    },
  },
  reads: { booked: (c) => c.state.booked },
  letters: { methods: { patient: { retries: 20, backoffMs: 60_000 } } },
});

const Clerk = actor('Clerk', {
  state: () => ({}),
  methods: {
    send(c, till: string, id: string, delayMs: number) {
      c.send(Till, till, { delayMs }).book(id);
    },
    insist(c, till: string, id: string, retries: number) {
      c.send(Till, till, { retries, backoffMs: [1_000, 10_000] }).book(id);
    },
    trust(c, till: string, id: string) {
      c.send(Till, till).patient(id);
    },
  },
});

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Till, Clerk } });
});

afterEach(async () => {
  await cluster.stop();
});

test('a letter that fails for good is found, mended and delivered anew, once', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Clerk, 'a').send('north', 'one', 0);
  await troupe.actor(Clerk, 'a').send('south', 'two', 60_000);
  await cluster.advance('2m');
  const found = await troupe.deadLetters();
  expect(found).toMatchObject({ total: 2, letters: 2, unread: 0, silent: [] });
  expect(found.actors.map(({ actor: id, last }) => [id, last.method, last.code])).toEqual([
    ['default/Till/north', 'book', 'USER_ERROR'],
    ['default/Till/south', 'book', 'USER_ERROR'],
  ]);
  const { letters } = await troupe.deadLetters.of(Till, 'north');
  expect(letters).toMatchObject([
    { number: 1, from: 'default/Clerk/a', method: 'book', args: ['one'], attempts: 1 },
  ]);
  await expect(troupe.deadLetters.redeliver(Till, 'north', 1)).rejects.toThrow(
    'the till is closed',
  );
  expect((await troupe.deadLetters.of(Till, 'north')).letters).toMatchObject([{ attempts: 2 }]);
  await troupe.actor(Till, 'north').openUp();
  expect(await troupe.deadLetters.redeliver(Till, 'north', 1)).toBe(1);
  await expect(troupe.deadLetters.redeliver(Till, 'north', 1)).rejects.toMatchObject({
    code: 'UNKNOWN_LETTER',
  });
  await troupe.deadLetters.discard(Till, 'south', 1);
  expect(await troupe.deadLetters()).toMatchObject({ total: 0, actors: [] });
  expect(await troupe.actor(Till, 'north').booked()).toEqual(['one']);
  expect(await troupe.actor(Till, 'south').booked()).toEqual([]);
});

test('a letter is tried as often as its sender or its receiver says, and in the order of its sender', async () => {
  const troupe = cluster.connect();
  const clerk = troupe.actor(Clerk, 'a');
  await clerk.insist('north', 'one', 3);
  await clerk.send('north', 'two', 0);
  await cluster.advance('5s');
  expect(await troupe.deadLetters()).toMatchObject({ total: 0 });
  await troupe.actor(Till, 'north').openUp();
  await cluster.advance('20s');
  expect(await troupe.actor(Till, 'north').booked()).toEqual(['one', 'two']);
  await clerk.trust('south', 'three');
  await cluster.advance('15m');
  expect(await troupe.deadLetters()).toMatchObject({ total: 0 });
  await troupe.actor(Till, 'south').openUp();
  await cluster.advance('2m');
  expect(await troupe.actor(Till, 'south').booked()).toEqual(['three']);
});

test('dead letters survive their node, the scheduler, and that their actor leaves memory and moves', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Clerk, 'a').send('north', 'one', 0);
  await cluster.advance('1s');
  await cluster.crash(await cluster.whereIs(Till, 'north'));
  await cluster.crash('scheduler');
  await cluster.advance('1m');
  expect(await troupe.deadLetters()).toMatchObject({ total: 1, unread: 0 });
  await cluster.advance('1h');
  const before = await cluster.whereIs(Till, 'north');
  expect(await troupe.deadLetters()).toMatchObject({ total: 1, unread: 0 });
  const there = (await troupe.status()).nodes.filter(({ state }) => state === 'alive');
  const to = there.map(({ name }) => name).find((name) => name !== before) ?? '';
  await troupe.migrate('Till', 'north', { to });
  expect((await troupe.deadLetters.of('Till', 'north')).letters).toMatchObject([
    { number: 1, args: ['one'] },
  ]);
});

test('asking for the dead letters of nobody makes nobody', async () => {
  const troupe = cluster.connect();
  await expect(troupe.deadLetters.of(Till, 'nowhere')).rejects.toMatchObject({
    code: 'UNKNOWN_ACTOR',
  });
  expect((await troupe.actors()).total).toBe(0);
});
