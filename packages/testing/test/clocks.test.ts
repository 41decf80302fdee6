/** The clocks of a scope whose actors come and go, seen in a test cluster. */
import { actor, type Troupe } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** Works for a moment, and is destroyed. */
const Hand = actor('Hand', {
  state: () => ({ done: 0 }),
  methods: {
    work(c) {
      c.state.done += 1;
      return c.state.done;
    },
  },
});

const Foreman = actor('Foreman', {
  state: () => ({ hired: 0 }),
  methods: {
    /** Awaits each of them, so that it knows what they have done. */
    async hire(c, hands: readonly string[]) {
      for (const hand of hands) c.state.hired += await c.actor(Hand, hand).work();
      return c.state.hired;
    },
  },
  reads: { hired: (c) => c.state.hired },
});

const handCount = 4_200;
const gangSize = 50;
let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Hand, Foreman } });
});

afterEach(async () => {
  await cluster.stop();
});

/** Its clock as its last checkpoint has it, once it has left memory. */
async function clockOf(troupe: Troupe, key: string, turn: number): Promise<readonly string[]> {
  await troupe.actors.stop(Foreman, key);
  for (let looks = 0; looks < 60; looks++) {
    const [last] = await troupe.checkpoints.list(Foreman, key).catch(() => []);
    if (last !== undefined && 'turn' in last && last.turn === turn) return Object.keys(last.clock);
    await cluster.advance('1s');
  }
  throw new Error(`turn ${turn} of ${key} was not stored`);
}

async function hireAndFire(troupe: Troupe, first: number): Promise<number> {
  const hands = Array.from({ length: gangSize }, (_, n) => `${first + n}`);
  const hired = await troupe.actor(Foreman, 'ann', { scope: 'site' }).hire(hands);
  await Promise.all(hands.map((hand) => troupe.actors.destroy(Hand, hand)));
  return hired;
}

test('a scope that has made and destroyed more actors than a clock holds still has lines', async () => {
  const troupe = cluster.connect();
  for (let first = 0; first < handCount; first += gangSize) {
    expect(await hireAndFire(troupe, first)).toBe(first + gangSize);
  }
  const { line } = await troupe.scope('site').savepoint('evening');
  expect(line).toEqual({ 'default/Foreman/ann': handCount / gangSize });
  expect(await hireAndFire(troupe, handCount)).toBe(handCount + gangSize);
  await troupe.scope('site').rewind({ savepoint: 'evening' });
  expect(await troupe.actor(Foreman, 'ann').hired()).toBe(handCount);
}, 240_000);

test('an actor forgets who was destroyed once, whatever dies then, and its checkpoints are small', async () => {
  const troupe = cluster.connect();
  for (let first = 0; first < 4 * gangSize; first += gangSize) await hireAndFire(troupe, first);
  await cluster.advance('15s');
  await cluster.crash(await cluster.whereIs(Foreman, 'ann'));
  await cluster.crash('scheduler');
  expect(await troupe.actor(Foreman, 'ann', { scope: 'site' }).hire([])).toBe(4 * gangSize);
  expect(await clockOf(troupe, 'ann', 5)).toEqual(['default/Foreman/ann']);
  await troupe.scope('site').savepoint('evening');
  expect(await hireAndFire(troupe, 4 * gangSize)).toBe(5 * gangSize);
});
