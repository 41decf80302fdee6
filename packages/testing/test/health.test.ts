/** Actors that say whether they are well, in a test cluster. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { expect, test } from 'vitest';

/** Keys of those that are ill. */
const ill = new Set<string>();

const Agent = actor('Agent', {
  state: () => ({ tasks: [] as string[] }),
  methods: {
    add(c, text: string) {
      c.state.tasks.push(text);
      return c.state.tasks.length;
    },
  },
  health(c) {
    if (c.state.tasks.includes('poison')) throw new Error('it took poison');
    return !ill.has(c.key);
  },
  healthMs: 5_000,
});

test('an ill actor is listed with its reason, loses nothing, and is off the list when it is well', async () => {
  const cluster = await TestCluster.start({ bundle: { Agent } });
  const troupe = cluster.connect();
  await troupe.actor(Agent, 'a').add('one');
  await troupe.actor(Agent, 'b').add('one');
  const failed = async () => (await troupe.actors({ state: 'failed' })).actors;
  await cluster.advance('20s');
  expect(await failed()).toEqual([]);
  ill.add('a');
  await cluster.advance('10s');
  const failure = { code: 'UNHEALTHY', message: expect.stringContaining('it said false') };
  expect(await failed()).toMatchObject([{ actor: 'default/Agent/a', state: 'failed', failure }]);
  expect(await troupe.actor(Agent, 'a').add('two')).toBe(2);
  ill.clear();
  await cluster.advance('15s');
  expect(await failed()).toEqual([]);
  await troupe.actor(Agent, 'b').add('poison');
  await cluster.advance('10s');
  const why = { message: expect.stringContaining('it took poison') };
  expect(await failed()).toMatchObject([{ actor: 'default/Agent/b', failure: why }]);
  await cluster.stop();
});
