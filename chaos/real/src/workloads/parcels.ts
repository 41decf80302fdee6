/** Letters that fail, dead ones that are delivered anew, and dead ones that are discarded. */
import type { Troupe } from '@troupe/sdk';
import { Carrier, Depot } from '../parcels.ts';
import { insist, readAll, seats, type Workload } from './workload.ts';

const operationsPerKey = 120;
const settleMsMax = 90_000;
const pageMax = 100;

export const parcels: Workload = {
  name: 'parcels',
  clients: 4,
  thinkMs: 250,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `depot${operations.generation(operationsPerKey)}`;
      const choice = random.next();
      if (choice < 0.55) {
        const id = operations.nextId(client);
        const carrier = carrierOf(key, client);
        const asked = { id, key, action: 'bring', input: { carrier } };
        const retries = random.between(0, 2);
        await operations.record(client, asked, () =>
          troupe.actor(Carrier, carrier).bring(key, id, retries),
        );
      } else if (choice < 0.7) {
        const id = operations.nextId(client);
        const open = random.chance(0.4);
        const asked = { id, key, action: 'set', input: { open } };
        await operations.record(client, asked, () => troupe.actor(Depot, key).setOpen(open));
      } else {
        const action = choice < 0.9 ? 'deliver' : 'discard';
        const letter = await firstDead(troupe, key, random.between(0, 3));
        // A number that is given is used: what is missing of a history would look lost.
        if (letter === undefined) return;
        const id = operations.nextId(client);
        const asked = { id, key, action, input: { parcel: letter.parcel } };
        const { deadLetters } = troupe;
        const run = action === 'deliver' ? deadLetters.redeliver : deadLetters.discard;
        await operations.record(client, asked, () => run(Depot, key, letter.number));
      }
    };
  },
  async finals({ troupe }, keys) {
    const brought = await readAll('parcels', keys.flatMap(carriersOf), (key) =>
      troupe.actor(Carrier, key).brought(),
    );
    const end = performance.now() + settleMsMax;
    for (const key of keys) {
      const own = brought.filter((one) => one.key.startsWith(`${key}/`));
      // The last letters of all, which come behind those that fail.
      const due = own.reduce((sum, { value }) => sum + (value as string[]).length, 0);
      while (performance.now() < end) {
        const taken = await insist(() => troupe.actor(Depot, key).taken());
        if (taken.filter((id) => id.endsWith('.3')).length >= due) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    const depots = await readAll('parcels', keys, async (key) => ({
      taken: await troupe.actor(Depot, key).taken(),
      dead: (await allDead(troupe, key)).map(({ parcel }) => parcel),
    }));
    return [...depots, ...brought];
  },
  actorsOf: (depot) => [
    { actor: Depot, key: depot },
    ...carriersOf(depot).map((key) => ({ actor: Carrier, key })),
  ],
};

const carrierOf = (depot: string, client: string) => `${depot}/${client}`;
const carriersOf = (depot: string) => seats(parcels).map((client) => carrierOf(depot, client));

interface Dead {
  readonly number: number;
  readonly parcel: string;
}

/** One that has gone meanwhile, or is under way, is somebody else's. */
async function firstDead(troupe: Troupe, key: string, skip: number): Promise<Dead | undefined> {
  try {
    const { letters } = await troupe.deadLetters.of(Depot, key, { limit: skip + 1 });
    const last = letters.at(-1);
    return last === undefined ? undefined : { number: last.number, parcel: String(last.args?.[0]) };
  } catch {
    // There is no such actor yet, or nobody answers now: there is nothing to do.
    return undefined;
  }
}

async function allDead(troupe: Troupe, key: string): Promise<readonly Dead[]> {
  const all: Dead[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const asked: { after: number; limit: number } = { after, limit: pageMax };
    const page = await troupe.deadLetters.of(Depot, key, asked);
    all.push(...page.letters.map(({ number, args }) => ({ number, parcel: String(args?.[0]) })));
    after = page.next;
  }
  return all;
}
