/** Timers of actors: that come once, several times, or by a letter that waits, and some that are
 *  cancelled while they wait. */
import { Waker } from '../timing.ts';
import { cameOf, insist, readAll, type Workload } from './workload.ts';

const operationsPerKey = 150;
const settleMsMax = 60_000;
const timesMax = 4;

export const timers: Workload = {
  name: 'timers',
  clients: 6,
  thinkMs: 150,
  client({ client, troupe, random, operations }) {
    let cancelled: (() => Promise<void>) | undefined;
    return async () => {
      if (cancelled !== undefined) {
        const cancel = cancelled;
        cancelled = undefined;
        return await cancel();
      }
      const key = `timers${operations.generation(operationsPerKey)}.${client}`;
      const waker = troupe.actor(Waker, key);
      const id = operations.nextId(client);
      const ms = random.between(20, 6_000);
      const choice = random.next();
      if (choice < 0.3) {
        const times = random.between(1, timesMax);
        const everyMs = random.between(100, 1_500);
        const asked = { id, key, action: 'often', input: { times } };
        await operations.record(client, asked, () => waker.often(id, everyMs, times), cameOf);
      } else if (choice < 0.55) {
        const asked = { id, key, action: 'later', input: { times: 1 } };
        await operations.record(client, asked, () => waker.later(id, ms), cameOf);
      } else {
        const asked = { id, key, action: 'once', input: { times: 1 } };
        await operations.record(client, asked, () => waker.once(id, ms), cameOf);
        if (choice < 0.85) return;
        cancelled = async () => {
          const cancel = { id: `${id}-cancel`, key, action: 'cancel', input: { of: id } };
          await operations.record(client, cancel, () => waker.cancel(id), cameOf);
        };
      }
    };
  },
  async finals({ troupe }, keys) {
    const end = performance.now() + settleMsMax;
    for (const key of keys) {
      while (performance.now() < end) {
        if ((await insist(() => troupe.actor(Waker, key).waits())) <= 0) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    return await readAll('timers', keys, (key) => troupe.actor(Waker, key).came());
  },
  actorsOf: (key) => [{ actor: Waker, key }],
};
