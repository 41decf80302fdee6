/** Counters by id: each call leaves its id in a ledger. Their answers are also the pulse by which
 *  recovery is measured, since there is one client for each key. */
import { Ledger } from '../agents.ts';
import { readAll, type Workload } from './workload.ts';

const callsPerKey = 300;

export const counters: Workload = {
  name: 'counters',
  clients: 24,
  thinkMs: 60,
  client({ client, troupe, operations }) {
    let calls = 0;
    return async () => {
      const key = `${client}.${Math.floor(calls / callsPerKey)}`;
      calls += 1;
      const id = operations.nextId(client);
      const ledger = troupe.actor(Ledger, key);
      await operations.record(client, { id, key, action: 'add' }, () => ledger.add(id));
    };
  },
  finals: ({ troupe }, keys) => readAll('counters', keys, (key) => troupe.actor(Ledger, key).ids()),
  actorsOf: (key) => [{ actor: Ledger, key }],
};
