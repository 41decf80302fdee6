/** Actors that subscribe to what becomes of others, on a real cluster: once and in order, whatever is killed. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { type ActorEvent, lives } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Fragile, Guardian } from '../agents/lives.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/lives.ts', import.meta.url));
const patient = { deadlineMs: 120_000 };
const topicOfAll = `default/$topic/${lives(Fragile)}`;

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

async function deployed(...options: Parameters<typeof scene>): Promise<void> {
  stage = await scene(...options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

const guardian = (key: string) => stage.troupe.actor(Guardian, key, patient);
const keysOf = (count: number) => Array.from({ length: count }, (_, at) => `m${at}`);

async function bear(keys: readonly string[]): Promise<void> {
  await Promise.all(keys.map((key) => stage.troupe.actor(Fragile, key, patient).call()));
}

async function killHostOf(actor: string): Promise<void> {
  const host = await stage.hostOf(actor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode();
}

async function killLeader(): Promise<void> {
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  if (leading === undefined) throw new Error(`no scheduler is called ${leader}`);
  leading.kill('SIGKILL');
  await leading.exited;
  // Where it listened, since clients know no other places.
  await stage.cluster.startScheduler({ name: leading.name, listen: leading.address ?? '' });
}

/** What the journal holds of them, from its first event to the end of the last one of these. */
async function whatBecame(last: string): Promise<readonly ActorEvent[]> {
  const events: ActorEvent[] = [];
  for await (const event of stage.troupe.actors.watch({ type: 'Fragile', after: 0 })) {
    events.push(event);
    if (event.kind === 'ended' && event.actor === `default/Fragile/${last}`) break;
  }
  return events;
}

/** It was told exactly these, each once and in order, as messages without a gap. */
async function expectTold(key: string, events: readonly ActorEvent[]): Promise<void> {
  await stage.until(`${key} was told all`, async () => {
    return (await guardian(key).told()).length >= events.length;
  });
  const told = await guardian(key).told();
  expect(told.map(({ event }) => event)).toEqual(events);
  expect(told.map(({ number }) => number)).toEqual(events.map((_, at) => at + 1));
}

it('each event comes once and in order when the nodes of topic, subscriber and actors are killed', async () => {
  await deployed({ nodes: 3 });
  for (const key of ['one', 'two']) await guardian(key).guards();
  const keys = keysOf(12);
  await bear(keys);
  await expect(stage.troupe.actor(Fragile, 'broken').call()).rejects.toThrow('no state');
  for (const victim of [topicOfAll, 'default/Guardian/one', 'default/Fragile/m3']) {
    await killHostOf(victim);
    await bear(keys);
  }
  for (const key of keys) await stage.troupe.actors.destroy(Fragile, key);
  const events = await whatBecame('m11');
  for (const key of ['one', 'two']) await expectTold(key, events);
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  expect(count('ended')).toBe(12);
  expect(count('failed')).toBeGreaterThan(0);
  expect(count('restarted')).toBeGreaterThan(0);
});

it('each event comes once and in order when the leader is killed between the end of an actor and its telling', async () => {
  await deployed({ nodes: 2, schedulers: 2 });
  await guardian('one').guards();
  await guardian('of one').guards('m5');
  const keys = keysOf(9);
  await bear(keys);
  for (const at of [0, 3, 6]) {
    const some = keys.slice(at, at + 3);
    const ends = some.map((key) => stage.troupe.actors.destroy(Fragile, key));
    await killLeader();
    await Promise.all(ends);
  }
  await bear(['last']);
  await stage.troupe.actors.destroy(Fragile, 'last');
  const events = await whatBecame('last');
  expect(events.filter(({ kind }) => kind === 'ended')).toHaveLength(10);
  await expectTold('one', events);
  await expectTold(
    'of one',
    events.filter(({ actor }) => actor === 'default/Fragile/m5'),
  );
});
