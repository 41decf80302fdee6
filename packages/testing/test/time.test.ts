/** What virtual time does, and when. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as bundle from './agents.ts';

const { Librarian, newGate, outside } = bundle;

let cluster: TestCluster;

beforeEach(async () => {
  outside.clear();
  cluster = await TestCluster.start({ bundle });
});

afterEach(async () => {
  await cluster.stop();
});

test('time stands still while nobody waits', async () => {
  const before = cluster.now;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(cluster.now).toBe(before);
});

test('back-off between the tries of a step flies by', async () => {
  const before = cluster.now;
  expect(await cluster.connect().actor(Librarian, 'a').learn('flaky')).toBe(1);
  expect(outside.get('flaky')).toBe(3);
  expect(cluster.now - before).toBeGreaterThanOrEqual(120_000);
});

test('a wait of minutes goes like that of the machine, unless time is advanced', async () => {
  const troupe = cluster.connect();
  const run = await troupe.start('publish', { text: 'a draft' });
  const before = cluster.now;
  const told = expect(run.result()).rejects.toMatchObject({ code: 'CANCELLED' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  // A minute from the last thing that happened, which is that the idle actor leaves memory.
  expect(cluster.now - before).toBeLessThan(130_000);
  await run.cancel();
  await told;
});

test('days pass at once, and what is asked afterwards is served', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Librarian, 'a').note('before');
  const [wall, real] = [cluster.wall, performance.now()];
  await cluster.advance('30d12h');
  expect(cluster.wall - wall).toBe(30.5 * 86_400_000);
  expect(await troupe.actor(Librarian, 'a').note('after')).toBe(2);
  expect(performance.now() - real).toBeLessThan(20_000);
});

test('of several who let time pass at once each lets pass exactly so much', async () => {
  const before = cluster.now;
  const passed = ['2s', '1s', '3s'].map(async (duration) => {
    await cluster.advance(duration);
    return Math.round(cluster.now - before);
  });
  expect(await Promise.all(passed)).toEqual([2_000, 1_000, 3_000]);
});

test('an actor that was idle is read back with its state', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Librarian, 'a').note('kept');
  expect((await troupe.status()).nodes.map(({ actors }) => actors).sort()).toEqual([0, 0, 1]);
  await cluster.advance('10m');
  const node = await cluster.whereIs(Librarian, 'a');
  await cluster.crashRunners(node);
  expect(await troupe.actor(Librarian, 'a').notes()).toEqual(['kept']);
});

test('while user code waits for the outside no time limit of the cluster runs out', async () => {
  const gate = newGate('slow');
  const before = cluster.now;
  const waiting = cluster.connect().actor(Librarian, 'a').wait('slow');
  await new Promise((resolve) => setTimeout(resolve, 60));
  gate.resolve('at last');
  await waiting;
  expect(cluster.now - before).toBeLessThan(30_000);
});

test('other calls are served while one waits for the outside', async () => {
  const troupe = cluster.connect();
  const gate = newGate('other');
  const waiting = troupe.actor(Librarian, 'a').wait('other');
  await troupe.actor(Librarian, 'b').note('meanwhile');
  gate.resolve('opened by the test');
  await waiting;
  expect(await troupe.actor(Librarian, 'a').notes()).toEqual(['opened by the test']);
});

test('advance waits for user code that is at work outside, and so sees what it does', async () => {
  const troupe = cluster.connect();
  const gate = newGate('late');
  const waiting = troupe.actor(Librarian, 'a').wait('late');
  setTimeout(() => gate.resolve('in time'), 30);
  await cluster.advance('2m');
  await waiting;
  expect(await troupe.actor(Librarian, 'a').notes()).toEqual(['in time']);
});

test('a method that never ends meets its time limit when time is advanced', async () => {
  const Sleeper = actor('Sleeper', {
    state: () => ({ naps: 0 }),
    turnLimitMs: 5_000,
    methods: { nap: () => new Promise<void>(() => undefined) },
  });
  const patient = await TestCluster.start({ bundle: { Sleeper }, patienceMs: 20 });
  const napping = patient.connect().actor(Sleeper, 'a').nap();
  const told = expect(napping).rejects.toMatchObject({ code: 'TIME_LIMIT' });
  await patient.advance('10s');
  await told;
  await patient.stop();
});

test('calls stay as quick as they were, however many came before', async () => {
  const troupe = cluster.connect();
  const quarter = async (): Promise<number> => {
    const before = process.cpuUsage();
    for (let count = 0; count < 250; count++) {
      await troupe.actor(Librarian, `k${count % 50}`).note('x');
    }
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  await quarter();
  const [second, , last] = [await quarter(), await quarter(), await quarter()];
  expect(last).toBeLessThan(5 * second);
});
