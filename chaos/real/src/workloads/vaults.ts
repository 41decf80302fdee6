/** Transfers within scopes that go back in time while they are under way, and savepoints that are
 *  looked at. Each scope is used for a while, then the next one. */
import type { Troupe } from '@troupe/sdk';
import { Vault } from '../vaults.ts';
import { cameOfMany, insist, readAll, type Workload } from './workload.ts';

const accounts = 5;
const operationsPerScope = 240;
const settleMsMax = 60_000;

export const vaults: Workload = {
  name: 'vaults',
  clients: 4,
  thinkMs: 120,
  client({ client, troupe, random, operations }) {
    /** Savepoints of this client, in the scope that is in use. */
    let made: { readonly key: string; readonly names: string[] } = { key: '', names: [] };
    return async () => {
      const generation = operations.generation(operationsPerScope);
      const key = `vaults${generation}`;
      if (made.key !== key) made = { key, names: [] };
      const { names } = made;
      const id = operations.nextId(client);
      const scope = troupe.scope(key);
      const choice = random.next();
      if (choice < 0.12) {
        const asked = { id, key, action: 'look' };
        await operations.record(client, asked, () => lookAt(troupe, key, id), cameOfMany);
        names.push(id);
      } else if (choice < 0.2 && names.length > 0) {
        const savepoint = random.pick(names.slice(-3)) ?? '';
        const asked = { id, key, action: 'back', input: { savepoint } };
        await operations.record(client, asked, () => scope.rewind({ savepoint }), cameOfMany);
      } else {
        // To a higher one: two turns never wait for each other.
        const from = random.between(0, accounts - 2);
        const to = random.between(from + 1, accounts - 1);
        const amount = random.between(1, 40);
        const action = generation % 2 === 0 ? 'move' : 'post';
        const input = { from: accountOf(key, from), to: accountOf(key, to), amount };
        const account = troupe.actor(Vault, input.from, { scope: key });
        await operations.record(
          client,
          { id, key, action, input },
          async () => {
            await account[action](id, input.to, amount);
            return true;
          },
          cameOfMany,
        );
      }
    };
  },
  async finals({ troupe }, scopes) {
    const end = performance.now() + settleMsMax;
    for (const key of scopes) {
      while (performance.now() < end) {
        if ((await insist(() => total(troupe, key))) === 0) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    return await readAll('vaults', scopes.flatMap(accountsOf), (key) =>
      troupe.actor(Vault, key, { scope: key.split('/')[0] ?? key }).statement(),
    );
  },
  actorsOf: (scope) => accountsOf(scope).map((key) => ({ actor: Vault, key })),
};

const accountOf = (key: string, index: number) => `${key}/a${index}`;
const accountsOf = (scope: string) =>
  Array.from({ length: accounts }, (_, index) => accountOf(scope, index));

async function total(troupe: Troupe, key: string): Promise<number> {
  const balances = Array.from({ length: accounts }, (_, index) =>
    troupe.actor(Vault, accountOf(key, index), { scope: key }).balance(),
  );
  return (await Promise.all(balances)).reduce((sum, one) => sum + one, 0);
}

/** What all accounts hold together at a savepoint. */
async function lookAt(troupe: Troupe, key: string, name: string): Promise<number> {
  const savepoint = await troupe.scope(key).savepoint(name);
  const balances = Object.keys(savepoint.line).map((actor) =>
    savepoint.actor(Vault, actor.slice(actor.indexOf('/Vault/') + '/Vault/'.length)).balance(),
  );
  return (await Promise.all(balances)).reduce((sum, one) => sum + one, 0);
}
