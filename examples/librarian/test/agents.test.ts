import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as bundle from '../src/agents.ts';

const { Librarian, web } = bundle;
let cluster: TestCluster;
let fetches: number;

beforeEach(async () => {
  fetches = 0;
  web.fetch = async (url) => {
    fetches += 1;
    if (url === 'flaky' && fetches < 3) throw new Error('no answer');
    return `the page ${url}`;
  };
  cluster = await TestCluster.start({ bundle, nodes: 3, seed: 7 });
});

afterEach(() => cluster.stop());

test('a page that cannot be had at once is tried again', async () => {
  const librarian = cluster.connect().actor(Librarian, 'team-7');
  expect(await librarian.learn('flaky')).toBe(1);
  expect(fetches).toBe(3);
});

test('what a librarian knows outlives its node and the scheduler', async () => {
  const librarian = cluster.connect().actor(Librarian, 'team-7');
  await librarian.learn('home');
  await cluster.crash(await cluster.whereIs(Librarian, 'team-7'));
  await cluster.crash('scheduler');
  expect(await librarian.pages()).toEqual(['the page home']);
});

test('a librarian that nobody asked for days has forgotten nothing', async () => {
  const librarian = cluster.connect().actor(Librarian, 'team-7');
  await librarian.learn('home');
  await cluster.advance('3d');
  expect(await librarian.pages()).toEqual(['the page home']);
});

test('what it teaches arrives when the network is whole again', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Librarian, 'team-7').learn('home');
  await cluster.partition([await cluster.whereIs(Librarian, 'team-7')]);
  await troupe.actor(Librarian, 'team-7').teach('team-8');
  await cluster.heal();
  await cluster.advance('10s');
  expect(await troupe.actor(Librarian, 'team-8').pages()).toEqual(['the page home']);
});

test.each([1, 2, 3, 4, 5])('with seed %i every page is known once, whatever dies', async (seed) => {
  const stormy = await TestCluster.start({ bundle, seed, chaos: true });
  const librarian = stormy.connect().actor(Librarian, 'team-7');
  const learning = ['a', 'b', 'c', 'd'].map((url) => librarian.learn(url));
  await stormy.advance('20ms');
  await stormy.crash('node-1');
  await stormy.crash('scheduler');
  await Promise.all(learning);
  const pages = ['the page a', 'the page b', 'the page c', 'the page d'];
  expect([...(await librarian.pages())].sort()).toEqual(pages);
  await stormy.stop();
});
