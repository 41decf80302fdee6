/** A test cluster beside what else a test does with its runner. */
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, expect, test, vi } from 'vitest';
import * as bundle from './agents.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('false timers of the test runner do not concern the cluster', async () => {
  vi.useFakeTimers();
  const cluster = await TestCluster.start({ bundle });
  const librarian = cluster.connect().actor(bundle.Librarian, 'a');
  expect(await librarian.note('x')).toBe(1);
  await cluster.advance('1h');
  expect(await librarian.learn('page')).toBe(2);
  await cluster.stop();
});

test('two clusters at once do not know of each other', async () => {
  const [left, right] = await Promise.all([
    TestCluster.start({ bundle, nodes: 1, schedulers: 1 }),
    TestCluster.start({ bundle, nodes: 2, schedulers: 1 }),
  ]);
  await left.connect().actor(bundle.Librarian, 'a').note('left');
  expect(await right.connect().actor(bundle.Librarian, 'a').notes()).toEqual([]);
  await Promise.all([left.advance('1h'), right.advance('1s')]);
  expect(left.now).toBeGreaterThan(right.now);
  await Promise.all([left.stop(), right.stop()]);
});

test('nothing of a cluster keeps the process of a test alive or speaks in it', async () => {
  const spoken = [
    vi.spyOn(console, 'log'),
    vi.spyOn(console, 'warn'),
    vi.spyOn(console, 'error'),
    vi.spyOn(process.stdout, 'write'),
    vi.spyOn(process.stderr, 'write'),
  ];
  const cluster = await TestCluster.start({ bundle });
  const asked = cluster.connect().actor(bundle.Librarian, 'a').forget();
  await expect(asked).rejects.toMatchObject({ code: 'USER_ERROR' });
  await cluster.crash('node-1');
  await cluster.advance('1m');
  for (const spy of spoken) expect(spy).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  await cluster.stop();
});
