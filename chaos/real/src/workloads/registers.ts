/** Registers that are written, read, and compared and set. Few operations for each key, so that
 *  every order of them can be tried. */
import { Register } from '../agents.ts';
import { readAll, type Workload } from './workload.ts';

const operationsPerRegister = 60;
const values = 5;

export const registers: Workload = {
  name: 'registers',
  clients: 5,
  thinkMs: 60,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `register${operations.generation(operationsPerRegister)}`;
      const id = operations.nextId(client);
      const register = troupe.actor(Register, key);
      const choice = random.next();
      const [from, to] = [random.between(0, values), random.between(0, values)];
      if (choice < 0.35) {
        await operations.record(client, { id, key, action: 'read' }, () => register.read());
      } else if (choice < 0.6) {
        const asked = { id, key, action: 'write', input: { to } };
        await operations.record(client, asked, () => register.write(to));
      } else {
        const asked = { id, key, action: 'swap', input: { from, to } };
        await operations.record(client, asked, () => register.swap(from, to));
      }
    };
  },
  // What the last writes came to.
  finals: ({ troupe }, keys) =>
    readAll('registers', keys, (key) => troupe.actor(Register, key).read()),
  actorsOf: (key) => [{ actor: Register, key }],
};
