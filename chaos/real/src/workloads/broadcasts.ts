/** Topics: clients and actors publish, and an actor of each client follows. */
import type { Troupe } from '@troupe/sdk';
import { Crier, Hearer } from '../broadcasts.ts';
import { cameOf, cameOfMany, insist, readAll, seats, type Workload } from './workload.ts';

const operationsPerTopic = 200;
const settleMsMax = 60_000;

export const broadcasts: Workload = {
  name: 'broadcasts',
  clients: 4,
  thinkMs: 120,
  client({ client, troupe, random, operations }) {
    let followed = '';
    return async () => {
      const key = `topic${operations.generation(operationsPerTopic)}`;
      const id = operations.nextId(client);
      if (key !== followed) {
        followed = key;
        const hearer = followerOf(key, client);
        const asked = { id, key, action: 'follow', input: { hearer } };
        const follow = () => troupe.actor(Hearer, hearer).follow(key);
        // The call of the topic may have been taken, whatever became of the turn.
        await operations.record(client, asked, follow, cameOfMany);
      } else if (random.next() < 0.5) {
        const asked = { id, key, action: 'publish' };
        await operations.record(client, asked, () => troupe.topic(key).publish(id), cameOf);
      } else {
        const asked = { id, key, action: 'cry' };
        const crier = troupe.actor(Crier, followerOf(key, client));
        await operations.record(client, asked, () => crier.cry(key, id), cameOf);
      }
    };
  },
  async finals({ troupe }, keys) {
    const end = performance.now() + settleMsMax;
    for (const key of keys) await settle(troupe, key, end);
    const numbers = await readAll('broadcasts', keys, async (key) => {
      return (await troupe.topic(key).view()).published;
    });
    const heard = await readAll('broadcasts', keys.flatMap(followersOf), (hearer) =>
      troupe.actor(Hearer, hearer).heard(),
    );
    return [...numbers, ...heard];
  },
  actorsOf: (topic) => [
    { actor: '$topic', key: topic },
    ...followersOf(topic).flatMap((key) => [
      { actor: Hearer, key },
      { actor: Crier, key },
    ]),
  ],
};

const followerOf = (topic: string, client: string) => `${topic}/${client}`;
const followersOf = (topic: string) => seats(broadcasts).map((client) => followerOf(topic, client));

/** Until what was cried has come to the topic, and from it to all; what does not come is found then. */
async function settle(troupe: Troupe, key: string, end: number): Promise<void> {
  let before = -1;
  while (performance.now() < end) {
    const { published, kept, waiting } = await insist(() => troupe.topic(key).view());
    if (published === before && kept === 0 && waiting === 0) return;
    before = published;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
}
