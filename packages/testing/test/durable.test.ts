/** What of an actor outlives time and place, seen in a test cluster. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Clerk = actor('Clerk', {
  state: () => ({ rung: [] as string[] }),
  methods: {
    remind(c, name: string, afterMs: number) {
      c.timers.set(name, { afterMs, method: 'ring', args: [name] });
    },
    everyMorning(c) {
      c.timers.set('morning', { cron: '0 8 * * *', method: 'ring', args: ['morning'] });
    },
    ring(c, name: string) {
      c.state.rung.push(name);
    },
  },
  reads: { rung: (c) => c.state.rung },
});

let cluster: TestCluster;

beforeEach(async () => {
  const startAt = Date.UTC(2026, 10, 29, 12);
  cluster = await TestCluster.start({ bundle: { Clerk }, startAt });
});

afterEach(async () => {
  await cluster.stop();
});

test('timers come at their time, whatever has left memory or died by then', async () => {
  const troupe = cluster.connect();
  const clerk = troupe.actor(Clerk, 'a');
  await clerk.remind('in an hour', 3_600_000);
  await clerk.remind('in three days', 3 * 86_400_000);
  await clerk.everyMorning();
  await cluster.advance('59m');
  expect(await clerk.rung()).toEqual([]);
  expect((await troupe.timers()).total).toBe(3);
  await cluster.advance('2m');
  expect(await clerk.rung()).toEqual(['in an hour']);
  await cluster.crash(await cluster.whereIs(Clerk, 'a'));
  await cluster.advance('1h');
  await cluster.crash('scheduler');
  await cluster.advance('3d');
  const mornings = ['morning', 'morning', 'morning'];
  expect(await clerk.rung()).toEqual(['in an hour', ...mornings, 'in three days']);
});

test('an actor moves to the node that it is told, and takes its timers along', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Clerk, 'a').remind('later', 60_000);
  const before = await cluster.whereIs(Clerk, 'a');
  const to = ['node-1', 'node-2', 'node-3'].find((name) => name !== before) ?? '';
  const { state } = await troupe.migrate('Clerk', 'a', { to });
  expect(state).toBe('moved');
  expect(await cluster.whereIs(Clerk, 'a')).toBe(to);
  await cluster.advance('2m');
  expect(await troupe.actor(Clerk, 'a').rung()).toEqual(['later']);
});
