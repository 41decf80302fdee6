/** Trips: turns that wait for a signal, race, and are undone when they fail. */
import { type Troupe, TroupeError } from '@troupe/sdk';
import { Agency, asAsked, Trip, waitMsMax } from '../trips.ts';
import { type Came, cameOfMany, insist, readAll, seats, type Workload } from './workload.ts';

const tripsPerKey = 100;

interface Order {
  readonly id: string;
  readonly agency: string;
  readonly trip: string;
  readonly answer: number;
  readonly fails: boolean;
}

export const trips: Workload = {
  name: 'trips',
  clients: 4,
  thinkMs: 300,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `trips${operations.generation(tripsPerKey)}`;
      const id = operations.nextId(client);
      const answer = random.between(0, 1_000_000);
      const fails = random.chance(0.2);
      const asked = { id, key, action: 'plan', input: { answer, fails } };
      const order = { id, agency: key, trip: `${key}/${client}`, answer, fails };
      await operations.recordAs(client, asked, () => plan(troupe, order));
    };
  },
  finals: ({ troupe }, keys) =>
    readAll('trips', keys, (key) => troupe.actor(Agency, key).entries()),
  actorsOf: (key) => [
    { actor: Agency, key },
    ...seats(trips).map((client) => ({ actor: Trip, key: `${key}/${client}` })),
  ],
};

/** The signal is named by the trip, so that no other takes it. */
async function plan(troupe: Troupe, { id, agency, trip, answer, fails }: Order): Promise<Came> {
  const planned = troupe.actor(Trip, trip).plan(id, agency, fails);
  const began = performance.now();
  const signalled = insist(() => troupe.signal(Trip, trip, id, answer), waitMsMax).then(
    () => performance.now() - began,
    () => Number.POSITIVE_INFINITY,
  );
  try {
    return { outcome: 'ok', output: await planned };
  } catch (reason) {
    const came = cameOfMany(reason);
    if (!(reason instanceof TroupeError)) return came;
    if (fails && reason.code === 'USER_ERROR' && reason.message.includes(asAsked)) {
      return { ...came, outcome: 'failed' };
    }
    // The actor had the signal long before the wait ended without: it is told as a wrong answer.
    const lost = reason.code === 'NO_SIGNAL' && (await signalled) < waitMsMax / 2;
    return lost ? { ...came, outcome: 'ok' } : came;
  }
}
