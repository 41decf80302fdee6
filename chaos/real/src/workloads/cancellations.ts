/** Calls that their caller aborts: what is answered as cancelled has no effect, now or later. */
import { setTimeout as pause } from 'node:timers/promises';
import { Ledger } from '../agents.ts';
import { cameOf, readAll, type Workload } from './workload.ts';

const callsPerKey = 150;

export const cancellations: Workload = {
  name: 'cancellations',
  clients: 5,
  thinkMs: 100,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `cancel${operations.generation(callsPerKey)}.${client}`;
      const id = operations.nextId(client);
      const stop = new AbortController();
      const ledger = troupe.actor(Ledger, key, { signal: stop.signal });
      const heeds = random.chance(0.5);
      const asked = { id, key, action: 'add', input: { heeds } };
      const done = operations.record(client, asked, () => ledger.addSlowly(id, 60, heeds), cameOf);
      if (random.chance(0.7)) {
        await Promise.race([done, pause(random.between(0, 100))]);
        stop.abort();
      }
      await done;
    };
  },
  finals: ({ troupe }, keys) =>
    readAll('cancellations', keys, (key) => troupe.actor(Ledger, key).ids()),
  actorsOf: (key) => [{ actor: Ledger, key }],
};
