/** Transfers within scopes that go back in time while they are under way, and savepoints that are
 *  looked at. Each scope is used for a while, then the next one. */
import type { Troupe } from '@troupe/sdk';
import type { Final } from '../history/history.ts';
import { Cashier, type Transfer, Vault } from '../vaults.ts';
import { type Came, cameOfMany, insist, readAll, type Seat, type Workload } from './workload.ts';

const accountsOfScope = 5;
const cashiers = 3;
const operationsPerScope = 240;
const settleMsMax = 60_000;

/** By a letter, by an awaited call, or by a cashier, who gives back what the receiver does not take. */
export type Way = 'post' | 'move' | 'transfer';

/** By scope: money in letters is between two accounts, so some scopes have none. */
const ways: readonly (readonly Way[])[] = [['move', 'transfer'], ['post']];

export const vaults: Workload = {
  name: 'vaults',
  clients: 4,
  thinkMs: 120,
  client(seat) {
    const { random, operations } = seat;
    /** Savepoints of this client, in the scope that is in use. */
    let made: { readonly key: string; readonly names: string[] } = { key: '', names: [] };
    return async () => {
      const generation = operations.generation(operationsPerScope);
      const key = `vaults${generation}`;
      if (made.key !== key) made = { key, names: [] };
      const { names } = made;
      const bank = new Bank(seat, key, accountsOfScope);
      const choice = random.next();
      const savepoint = random.pick(names.slice(-3));
      if (choice < 0.12) names.push(await bank.look());
      else if (choice < 0.2 && savepoint !== undefined) await bank.goBack(savepoint);
      else await bank.pay(random.pick(ways[generation % ways.length] ?? []) ?? 'move');
    };
  },
  finals: ({ troupe }, scopes) => statements(troupe, scopes, accountsOfScope),
  actorsOf: (scope) => [
    ...accountsOf(scope, accountsOfScope).map((key) => ({ actor: Vault, key })),
    ...Array.from({ length: cashiers }, (_, at) => ({ actor: Cashier, key: cashierOf(scope, at) })),
  ],
};

/** The accounts of one scope, as a client uses them. */
export class Bank {
  readonly #seat: Seat;
  readonly #key: string;
  readonly #accounts: number;

  constructor(seat: Seat, key: string, accounts: number) {
    this.#seat = seat;
    this.#key = key;
    this.#accounts = accounts;
  }

  /** Makes a savepoint, whose name it answers, and looks at what all accounts hold there. */
  async look(): Promise<string> {
    const { client, troupe, operations } = this.#seat;
    const id = operations.nextId(client);
    const asked = { id, key: this.#key, action: 'look' };
    await operations.record(client, asked, () => lookAt(troupe, this.#key, id), cameOfMany);
    return id;
  }

  async goBack(savepoint: string): Promise<Came> {
    const { client, troupe, operations } = this.#seat;
    const id = operations.nextId(client);
    const asked = { id, key: this.#key, action: 'back', input: { savepoint } };
    const scope = troupe.scope(this.#key);
    return await operations.record(client, asked, () => scope.rewind({ savepoint }), cameOfMany);
  }

  async pay(way: Way): Promise<Came> {
    const { client, random, operations } = this.#seat;
    const id = operations.nextId(client);
    // To a higher one: two turns never wait for each other.
    const from = random.between(0, this.#accounts - 2);
    const to = random.between(from + 1, this.#accounts - 1);
    const input: Transfer = {
      from: accountOf(this.#key, from),
      to: accountOf(this.#key, to),
      amount: random.between(1, 40),
      declines: way === 'transfer' && random.chance(0.3),
    };
    const asked = { id, key: this.#key, action: way, input };
    return await operations.record(client, asked, () => this.#pay(way, id, input), cameOfMany);
  }

  async #pay(way: Way, id: string, transfer: Transfer): Promise<true> {
    const { troupe, random } = this.#seat;
    const scope = this.#key;
    if (way === 'transfer') {
      const cashier = cashierOf(scope, random.between(0, cashiers - 1));
      await troupe.actor(Cashier, cashier, { scope }).transfer(id, transfer);
    } else {
      const { from, to, amount } = transfer;
      await troupe.actor(Vault, from, { scope })[way](id, to, amount);
    }
    return true;
  }
}

/** Of all accounts of these scopes, when what letters carry has arrived. */
export async function statements(
  troupe: Troupe,
  scopes: readonly string[],
  accounts: number,
): Promise<readonly Final[]> {
  const end = performance.now() + settleMsMax;
  for (const key of scopes) {
    while (performance.now() < end) {
      if ((await insist(() => total(troupe, key, accounts))) === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const keys = scopes.flatMap((scope) => accountsOf(scope, accounts));
  return await readAll('vaults', keys, (key) =>
    troupe.actor(Vault, key, { scope: key.split('/')[0] ?? key }).statement(),
  );
}

const accountOf = (scope: string, index: number) => `${scope}/a${index}`;
const cashierOf = (scope: string, index: number) => `${scope}/c${index}`;

function accountsOf(scope: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => accountOf(scope, index));
}

async function total(troupe: Troupe, key: string, accounts: number): Promise<number> {
  const balances = accountsOf(key, accounts).map((account) =>
    troupe.actor(Vault, account, { scope: key }).balance(),
  );
  return (await Promise.all(balances)).reduce((sum, one) => sum + one, 0);
}

/** What all accounts hold together at a savepoint. */
async function lookAt(troupe: Troupe, key: string, name: string): Promise<number> {
  const savepoint = await troupe.scope(key).savepoint(name);
  const balances = Object.keys(savepoint.line).flatMap((actor) => {
    const [, account] = actor.split('/Vault/');
    return account === undefined ? [] : [savepoint.actor(Vault, account).balance()];
  });
  return (await Promise.all(balances)).reduce((sum, one) => sum + one, 0);
}
