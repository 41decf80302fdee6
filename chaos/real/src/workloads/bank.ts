/** Transfers between the accounts of one bank, by letters and by awaited calls: money is moved,
 *  never made. Each bank is used for a while, then the next one. */
import { Account, Teller } from '../agents.ts';
import { cameOfMany, insist, readAll, type Seat, seats, type Workload } from './workload.ts';

const accounts = 5;
const transfersPerBank = 200;
const settleMsMax = 30_000;

export const bank: Workload = {
  name: 'bank',
  clients: 6,
  thinkMs: 80,
  client({ client, troupe, random, operations }) {
    return async () => {
      const name = `bank${operations.generation(transfersPerBank)}`;
      const [source = 0, target = 0] = random.shuffled([...Array(accounts).keys()]);
      const [from, to] = [accountOf(name, source), accountOf(name, target)];
      const amount = random.between(1, 40);
      const id = operations.nextId(client);
      const byLetter = random.chance(0.5);
      const input = { from, to, amount };
      const asked = { id, key: name, action: byLetter ? 'pay' : 'move', input };
      await operations.record(
        client,
        asked,
        () =>
          byLetter
            ? troupe.actor(Account, from).pay(id, to, amount)
            : troupe.actor(Teller, tellerOf(name, client)).move(id, from, to, amount),
        cameOfMany,
      );
    };
  },
  async finals(seat, banks) {
    const { troupe } = seat;
    // No move is under way any more.
    await readAll('bank', banks.flatMap(tellersOf), (key) => troupe.actor(Teller, key).settle());
    const keys = banks.flatMap(accountsOf);
    await lettersDelivered(seat, keys);
    return readAll('bank', keys, (key) => troupe.actor(Account, key).statement());
  },
  actorsOf: (name) => [
    ...tellersOf(name).map((key) => ({ actor: Teller, key })),
    ...accountsOf(name).map((key) => ({ actor: Account, key })),
  ],
};

const tellerOf = (name: string, client: string) => `${name}.${client}`;
const tellersOf = (name: string) => seats(bank).map((client) => tellerOf(name, client));
const accountsOf = (name: string) =>
  Array.from({ length: accounts }, (_, index) => accountOf(name, index));

const accountOf = (name: string, index: number) => `${name}/a${index}`;

/** Letters travel after their turn: waits until all money is somewhere, or for a bounded time. */
async function lettersDelivered({ troupe }: Seat, keys: readonly string[]): Promise<void> {
  const end = performance.now() + settleMsMax;
  while (performance.now() < end) {
    const statements = await Promise.all(
      keys.map((key) => insist(() => troupe.actor(Account, key).statement())),
    );
    const entries = statements.flatMap((statement) => statement.entries);
    if (entries.reduce((total, [, amount]) => total + amount, 0) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
