/** All workloads at once: their clients' loops, and the final states when they have ended. */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Troupe, TroupeError } from '@troupe/sdk';
import type { HistoryWriter } from '../history/history.ts';
import type { Random } from '../random.ts';
import { bank } from './bank.ts';
import { broadcasts } from './broadcasts.ts';
import { cancellations } from './cancellations.ts';
import { counters } from './counters.ts';
import { forks } from './forks.ts';
import { lists } from './lists.ts';
import type { Pace } from './pace.ts';
import { parcels } from './parcels.ts';
import { placings } from './placings.ts';
import { registers } from './registers.ts';
import { rollouts } from './rollouts.ts';
import { runs } from './runs.ts';
import { shares } from './shares.ts';
import { streams } from './streams.ts';
import { tasks } from './tasks.ts';
import { timers } from './timers.ts';
import { trips } from './trips.ts';
import { vaults } from './vaults.ts';
import { voyages } from './voyages.ts';
import { insist, Operations, type Seat, type Workload } from './workload.ts';

export const workloads = [
  counters,
  bank,
  lists,
  registers,
  tasks,
  runs,
  cancellations,
  shares,
  voyages,
  placings,
  trips,
  timers,
  parcels,
  streams,
  vaults,
  broadcasts,
  forks,
  rollouts,
];

/** The longest that an operation may take after the cluster has healed. */
const lastAnswersMs = 100_000;
/** How often it is looked for keys that have been used up. */
const leavingMs = 5_000;
const patience = { deadlineMs: 20_000, connectMs: 60_000 };

export interface LoadStart {
  /** What they call, for tenants of their own. */
  readonly bundle: Uint8Array;
  readonly addresses: readonly string[];
  /** How many the cluster has. */
  readonly nodes: number;
  readonly random: Random;
  readonly writer: HistoryWriter;
  readonly pace: Pace;
}

export interface Load {
  /** No new operations; answers how many never came to an end. */
  stop(): Promise<number>;
  /** Reads every final state into the history. */
  readFinals(): Promise<void>;
  close(): Promise<void>;
}

interface Running {
  readonly workload: Workload;
  readonly troupes: readonly Troupe[];
  readonly operations: Operations;
  readonly reader: Seat;
}

export async function startLoad(start: LoadStart): Promise<Load> {
  const { addresses, nodes, random, writer, pace } = start;
  const stopped = new AbortController();
  // Every client listens.
  setMaxListeners(0, stopped.signal);
  const loops: Promise<void>[] = [];
  const running: Running[] = [];
  for (const [index, workload] of workloads.entries()) {
    // Each session begins at another gateway.
    const order = [...addresses.slice(index % addresses.length), ...addresses];
    const address = order.slice(0, addresses.length).join(',');
    const troupe = await connect({ address, ...patience });
    const tenants = await openTenants(workload, troupe, address, start);
    const operations = new Operations(workload.name, writer);
    const seatOf = (client: string): Seat => ({
      client,
      troupe,
      troupeOf: (tenant) => tenants.get(tenant) ?? troupe,
      operations,
      nodes,
      random: random.fork(client),
    });
    running.push({
      workload,
      troupes: [troupe, ...tenants.values()],
      operations,
      reader: seatOf(`${workload.name}-reader`),
    });
    for (let number = 0; number < workload.clients; number += 1) {
      const seat = seatOf(`${workload.name}${number}`);
      loops.push(loop(workload, seat, pace, stopped.signal));
    }
    loops.push(leaving(workload, seatOf(`${workload.name}-leaver`), writer, stopped.signal));
  }
  return {
    async stop() {
      stopped.abort();
      const giveUp = new AbortController();
      const late = pause(lastAnswersMs, undefined, { signal: giveUp.signal }).catch(
        () => undefined,
      );
      await Promise.race([Promise.all(loops), late]);
      giveUp.abort();
      return running.reduce((open, { operations }) => open + operations.close(), 0);
    },
    async readFinals() {
      for (const { workload, reader } of running) {
        for (const final of await workload.finals(reader, reader.operations.keys))
          writer.write(final);
      }
    },
    async close() {
      const troupes = running.flatMap((one) => one.troupes);
      await Promise.all(troupes.map((troupe) => troupe.close()));
    },
  };
}

/** W3 */
async function leaving(
  workload: Workload,
  seat: Seat,
  writer: HistoryWriter,
  stopped: AbortSignal,
): Promise<void> {
  while (!stopped.aborted) {
    for (const key of seat.operations.usedUp()) {
      const finals = await workload.finals(seat, [key]).catch(unlessOurs);
      // What cannot be read now is read at the end.
      if (stopped.aborted || finals === undefined) break;
      for (const final of finals) writer.write(final);
      seat.operations.leave(key);
      for (const { actor, key: name, tenant } of workload.actorsOf(key)) {
        const { actors } = tenant === undefined ? seat.troupe : seat.troupeOf(tenant);
        // Who stays for once is only one more.
        await insist(() => actors.destroy(actor, name)).catch(unlessOurs);
      }
    }
    await pause(leavingMs, undefined, { signal: stopped }).catch(() => undefined);
  }
}

function unlessOurs(reason: unknown): undefined {
  if (!(reason instanceof TroupeError)) throw reason;
}

/** A session for each tenant of the workload, which has its weight and the bundle. */
async function openTenants(
  { tenants = {} }: Workload,
  operator: Troupe,
  address: string,
  { bundle }: LoadStart,
): Promise<ReadonlyMap<string, Troupe>> {
  const sessions = new Map<string, Troupe>();
  for (const [tenant, weight] of Object.entries(tenants)) {
    await operator.putTenant(tenant, weight);
    const troupe = await connect({ address, tenant, ...patience });
    await troupe.deploy(bundle);
    sessions.set(tenant, troupe);
  }
  return sessions;
}

async function loop(workload: Workload, seat: Seat, pace: Pace, stopped: AbortSignal) {
  const step = workload.client(seat);
  while (!stopped.aborted) {
    await step();
    const thinkMs = (workload.thinkMs * (0.5 + seat.random.next())) / pace.now;
    await pause(thinkMs, undefined, { signal: stopped }).catch(() => undefined);
  }
}
