/** Two tenants that want more than there is: each always has more tasks waiting than can run, and
 *  is served by its weight. */
import { spend } from '../agents.ts';
import { cameOfMany, type Workload } from './workload.ts';

/** Each node has one of it, and a task takes all of that. */
export const contended = 'share';
export const weights = { heavy: 3, light: 1 } as const;

export const shares: Workload = {
  name: 'shares',
  // So many that some always wait, also where an answer and the next question take long.
  clients: 60,
  thinkMs: 0,
  tenants: weights,
  client({ client, troupeOf, operations }) {
    const tenant = Number(client.slice('shares'.length)) % 2 === 0 ? 'heavy' : 'light';
    return async () => {
      const id = operations.nextId(client);
      const asked = { id, key: tenant, action: 'spend' };
      await operations.record(
        client,
        asked,
        () => troupeOf(tenant).task(spend, undefined, { id }),
        cameOfMany,
      );
    };
  },
  // Who was served when is all there is to check.
  finals: async () => [],
  actorsOf: () => [],
};
