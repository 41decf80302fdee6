/** Turns that wait for each other, in a test cluster. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const methods = {
  async asks(c: { actor: (type: string, key: string) => unknown }, type: string) {
    const { answers } = c.actor(type, 'k') as { answers: () => Promise<string> };
    return await answers();
  },
  answers: () => 'here',
};
const Brief = actor('Brief', { state: () => ({}), turnLimitMs: 10_000, methods });
const Long = actor('Long', { state: () => ({}), turnLimitMs: 60_000, methods });

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Brief, Long } });
});
afterEach(() => cluster.stop());

test('two turns that call each other at once wait until the time of one is over; then the other goes on', async () => {
  const troupe = cluster.connect({ deadlineMs: 300_000 });
  const ended: string[] = [];
  const note = (name: string, call: Promise<unknown>) =>
    call.then(
      (value) => ended.push(`${name}: ${String(value)}`),
      (thrown: { code?: string }) => ended.push(`${name}: ${thrown.code}`),
    );
  const both = [
    note('brief', troupe.actor(Brief, 'k').asks('Long')),
    note('long', troupe.actor(Long, 'k').asks('Brief')),
  ];
  await cluster.advance('9s');
  expect(ended).toEqual([]);
  await cluster.advance('10s');
  await Promise.all(both);
  expect(ended).toEqual(['brief: TIME_LIMIT', 'long: here']);
});
