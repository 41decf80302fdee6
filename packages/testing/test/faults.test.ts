/** What a test may do to its cluster, and that nothing is lost or doubled by it. */
import { TestCluster } from '@troupe/sdk/testing';
import { Random } from '@troupe/virtual';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as bundle from './agents.ts';

const { Librarian, outside } = bundle;

let cluster: TestCluster;

beforeEach(async () => {
  outside.clear();
  cluster = await TestCluster.start({ bundle, seed: 7 });
});

afterEach(async () => {
  await cluster.stop();
});

describe('faults', () => {
  test('an actor of a node that is killed goes on elsewhere with its state', async () => {
    const librarian = cluster.connect().actor(Librarian, 'a');
    await librarian.note('one');
    const before = await cluster.whereIs(Librarian, 'a');
    await cluster.crash(before);
    expect(await librarian.note('two')).toBe(2);
    expect(await cluster.whereIs(Librarian, 'a')).not.toBe(before);
    await cluster.restart(before);
    await cluster.advance('5s');
    const { nodes } = await cluster.connect().status();
    expect(nodes.filter(({ state }) => state === 'alive')).toHaveLength(3);
  });

  test('a call outlives the leader that is killed under it', async () => {
    const troupe = cluster.connect();
    const asked = Promise.all(
      Array.from({ length: 20 }, (_, index) => troupe.actor(Librarian, `k${index}`).note('x')),
    );
    await cluster.crash('scheduler');
    expect(await asked).toEqual(Array.from({ length: 20 }, () => 1));
    await cluster.advance('10s');
    expect((await troupe.status()).leader).toMatch(/^scheduler-/);
  });

  test('a single scheduler that is started again knows everything', async () => {
    const alone = await TestCluster.start({ bundle, schedulers: 1 });
    const librarian = alone.connect().actor(Librarian, 'a');
    await librarian.note('one');
    await alone.crash('scheduler');
    const asked = librarian.note('two');
    await alone.advance('2s');
    await alone.restart('scheduler-1');
    expect(await asked).toBe(2);
    await alone.stop();
  });

  test('a node that is cut off is fenced, and its actor goes on once', async () => {
    const troupe = cluster.connect();
    const librarian = troupe.actor(Librarian, 'a');
    await librarian.note('one');
    const node = await cluster.whereIs(Librarian, 'a');
    await cluster.partition([node]);
    const asked = librarian.note('two');
    await cluster.advance('30s');
    expect(await asked).toBe(2);
    expect(await cluster.whereIs(Librarian, 'a')).not.toBe(node);
    await cluster.heal();
    await cluster.advance('30s');
    expect(await librarian.notes()).toEqual(['one', 'two']);
    const { nodes } = await troupe.status();
    expect(nodes.filter(({ state }) => state === 'alive')).toHaveLength(3);
  });

  test('letters between nodes that are cut off from each other arrive when they are not', async () => {
    const troupe = cluster.connect();
    await troupe.actor(Librarian, 'a').note('x');
    const here = await cluster.whereIs(Librarian, 'a');
    let other = '';
    for (let key = 0; other === ''; key++) {
      await troupe.actor(Librarian, `b${key}`).note('y');
      if ((await cluster.whereIs(Librarian, `b${key}`)) !== here) other = `b${key}`;
    }
    await cluster.partition([here], [await cluster.whereIs(Librarian, other)]);
    await troupe.actor(Librarian, 'a').tell(other, 'a letter');
    await cluster.advance('20s');
    expect(await troupe.actor(Librarian, other).notes()).toEqual(['y']);
    await cluster.heal();
    await cluster.advance('5s');
    expect(await troupe.actor(Librarian, other).notes()).toEqual(['y', 'a letter']);
  });

  test('a process that stands still is replaced, and does no harm when it goes on', async () => {
    const librarian = cluster.connect().actor(Librarian, 'a');
    await librarian.note('one');
    const node = await cluster.whereIs(Librarian, 'a');
    await cluster.freeze(node);
    expect(await librarian.note('two')).toBe(2);
    await cluster.thaw(node);
    await cluster.advance('10s');
    expect(await librarian.note('three')).toBe(3);
    expect(await librarian.notes()).toEqual(['one', 'two', 'three']);
  });

  test('a step that was recorded is not done again when its node is killed', async () => {
    const troupe = cluster.connect();
    await troupe.actor(Librarian, 'a').note('x');
    const node = await cluster.whereIs(Librarian, 'a');
    const learning = troupe.actor(Librarian, 'a').learn('flaky');
    await cluster.advance('70s');
    expect(outside.get('flaky')).toBe(2);
    await cluster.crash(node);
    await learning;
    expect(await troupe.actor(Librarian, 'a').notes()).toEqual(['x', 'flaky, read']);
  });

  test('the runners of a node die and come again', async () => {
    const librarian = cluster.connect().actor(Librarian, 'a');
    await librarian.note('one');
    await cluster.crashRunners(await cluster.whereIs(Librarian, 'a'));
    expect(await librarian.note('two')).toBe(2);
  });

  test('a node that is drained leaves, and its actors go on elsewhere', async () => {
    const troupe = cluster.connect();
    await troupe.actor(Librarian, 'a').note('one');
    const node = await cluster.whereIs(Librarian, 'a');
    await troupe.drainNode(node);
    await cluster.advance('5s');
    expect(await troupe.actor(Librarian, 'a').note('two')).toBe(2);
    expect(await cluster.whereIs(Librarian, 'a')).not.toBe(node);
  });
});

test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
  'with seed %i every note is taken exactly once, whatever is lost or killed',
  async (seed) => {
    const stormy = await TestCluster.start({ bundle, seed, chaos: true });
    const chance = new Random(seed);
    const troupe = stormy.connect();
    const asked: Promise<unknown>[] = [];
    for (let id = 0; id < 100; id++) {
      asked.push(troupe.actor(Librarian, `k${id % 5}`).note(`note ${id}`));
      if (id % 20 !== 10) continue;
      await stormy.advance(chance.whole(0, 30));
      const victim = chance.chance(0.3) ? 'scheduler-1' : `node-${chance.whole(1, 3)}`;
      await stormy.crash(victim);
      await stormy.advance(chance.whole(0, 2_000));
      await stormy.restart(victim);
    }
    await Promise.all(asked);
    for (let key = 0; key < 5; key++) {
      const expected = Array.from({ length: 20 }, (_, index) => `note ${key + 5 * index}`);
      const notes = await troupe.actor(Librarian, `k${key}`).notes();
      expect([...notes].sort()).toEqual(expected.sort());
    }
    await stormy.stop();
  },
);

test('the same seed gives the same run, event for event', async () => {
  const first = await tracedRun(3);
  expect(first.length).toBeGreaterThan(500);
  expect(await tracedRun(3)).toEqual(first);
  expect(await tracedRun(4)).not.toEqual(first);
});

async function tracedRun(seed: number): Promise<readonly string[]> {
  outside.clear();
  const traced = await TestCluster.start({ bundle, seed, chaos: true, trace: true });
  const troupe = traced.connect();
  const asked = [1, 2, 3, 4, 5].map((key) => troupe.actor(Librarian, `k${key}`).learn('flaky'));
  await traced.advance('10s');
  await traced.crash('node-1');
  await Promise.all(asked);
  await traced.crash('scheduler');
  await troupe.actor(Librarian, 'k1').ask('k2', 'still there?');
  await traced.stop();
  return traced.trace();
}
