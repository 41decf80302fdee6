/** Letters of clients on a real cluster: durable when they are answered, and then each is taken once, in its order. */
import { connect, type Troupe } from '@troupe/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const senders = 16;
const lettersOfEach = 12;
const patient = { deadlineMs: 120_000 };

let stage: Scene;
let troupe: Troupe;

beforeAll(async () => {
  stage = await scene({ nodes: 3, schedulers: 2 });
  troupe = stage.troupe;
});
afterAll(async () => {
  await stage?.stop();
});

const idsOf = (sender: number, phase: string): string[] =>
  Array.from({ length: lettersOfEach }, (_, n) => `${phase} ${sender}:${n}`);

/** Nobody awaits each: they are sent as fast as they come. */
async function sendAll(phase: string, key: string): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: senders }, () => connect({ address: stage.cluster.addresses.join(',') })),
  );
  const sent = clients.flatMap((client, sender) =>
    idsOf(sender, phase).map((id) => client.send(Counter, key, patient).add(id)),
  );
  await Promise.all(sent);
  for (const client of clients) await client.close();
}

async function kill(host: string): Promise<void> {
  const node = stage.cluster.nodes.find(({ name, running }) => name === host && running);
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode();
}

/** By id: each once, and those of one sender in its order. */
async function expectAll(key: string, phases: readonly string[]): Promise<void> {
  const counter = troupe.actor(Counter, key, patient);
  const all = phases.length * senders * lettersOfEach;
  await stage.until('all is taken', async () => (await counter.ids()).length >= all);
  const ids = await counter.ids();
  expect(new Set(ids).size).toBe(ids.length);
  for (const phase of phases) {
    for (let sender = 0; sender < senders; sender++) {
      const own = ids.filter((id) => id.startsWith(`${phase} ${sender}:`));
      expect(own).toEqual(idsOf(sender, phase));
    }
  }
  expect(ids).toHaveLength(all);
}

it('what 16 clients have sent and nobody has taken is taken once, in the order of each, though nodes and the leader are killed before', async () => {
  await troupe.actors.create(Counter, 'a', { orExisting: true });
  await troupe.actors.pause('Counter', 'a');
  await sendAll('waits', 'a');
  expect(await troupe.actor(Counter, 'a').ids()).toEqual([]);
  const { actors } = await troupe.actors({ type: '$postbox' });
  const postbox = actors[0];
  if (postbox === undefined) throw new Error('there is no postbox');
  await kill(await stage.hostOf(postbox.actor));
  await stage.killLeader();
  const host = await stage.hostOf('default/Counter/a');
  await kill(host);
  await troupe.actors.resume('Counter', 'a');
  await expectAll('a', ['waits']);
}, 180_000);

it('what 16 clients send while nodes and the leader are killed is taken once, in the order of each', async () => {
  await troupe.actors.create(Counter, 'b', { orExisting: true });
  const sent = sendAll('amid', 'b');
  await stage.until(
    'some are taken',
    async () => (await troupe.actor(Counter, 'b', patient).ids()).length > 5,
  );
  await kill(await stage.hostOf('default/Counter/b'));
  await stage.killLeader();
  const { actors } = await troupe.actors({ type: '$postbox' });
  await kill(await stage.hostOf(actors[0]?.actor ?? ''));
  await sent;
  await expectAll('b', ['amid']);
}, 180_000);

it('of one letter that several processes send under one key, later, one is taken, though the node is killed that waits for its time', async () => {
  const once = { ...patient, idempotencyKey: 'order-17', delayMs: 3_000 };
  for (let process = 0; process < 3; process++) {
    const client = await connect({ address: stage.cluster.addresses.join(',') });
    await client.send(Counter, 'c', once).add('once');
    await client.close();
  }
  const { timers } = await troupe.timers();
  const waiting = timers.find(({ actor }) => actor.includes('/$postbox/'));
  await kill(await stage.hostOf(waiting?.actor ?? 'none'));
  await troupe.send(Counter, 'c', { ...patient, delayMs: 5_000 }).add('last');
  await stage.until('the last one is taken', async () =>
    (await troupe.actor(Counter, 'c', patient).ids()).includes('last'),
  );
  expect(await troupe.actor(Counter, 'c').ids()).toEqual(['once', 'last']);
}, 120_000);
