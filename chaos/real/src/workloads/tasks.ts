/** Tasks that call actors. A task is tried again unless it was told not to be, so each attempt
 *  leaves a mark of its own; its result is recorded once, and asked for again under its id. */
import { Ledger, visit } from '../agents.ts';
import { cameOfMany, readAll, type Workload } from './workload.ts';

const tasksPerKey = 200;

export const tasks: Workload = {
  name: 'tasks',
  clients: 6,
  thinkMs: 120,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `tasks${operations.generation(tasksPerKey)}`;
      const id = operations.nextId(client);
      const number = random.between(1, 1_000);
      const once = random.chance(0.3);
      const asked = { id, key, action: once ? 'once' : 'retried', input: { number } };
      const options = once ? { id, retries: 0 } : { id };
      const ask = () => troupe.task(visit, { id, key, number }, options);
      const came = await operations.record(client, asked, ask, cameOfMany);
      if (came.outcome !== 'ok' || random.chance(0.7)) return;
      const again = { ...asked, id: `${id}-again`, action: 'again', input: { number, of: id } };
      await operations.record(client, again, ask, cameOfMany);
    };
  },
  finals: ({ troupe }, keys) => readAll('tasks', keys, (key) => troupe.actor(Ledger, key).ids()),
  actorsOf: (key) => [{ actor: Ledger, key }],
};
