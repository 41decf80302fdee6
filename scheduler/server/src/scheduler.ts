/** One scheduler process, put together: fabric, replica, gateway, door; and its orderly end. */
import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { type Logger, openFabric } from '@troupe/fabric';
import { version } from '@troupe/model';
import type { ServerConfig } from './config.ts';
import { openDoor } from './gateway/grpc-server.ts';
import { heapLimit, mebibytes } from './heap-watch.ts';
import { openJournal } from './journal.ts';
import { machineConfig } from './machine-config.ts';
import { Replica } from './replica.ts';

export interface Scheduler {
  /** `host:port` of its gateway. */
  readonly address: string;
  /** Rejects when it is broken beyond repair; resolves when it was stopped. */
  readonly ended: Promise<void>;
  /** Steps down, lets streams end for at most `drainMs`, closes everything. */
  stop(drainMs: number): Promise<void>;
}

export async function startScheduler(config: ServerConfig, logger: Logger): Promise<Scheduler> {
  const { name, listen } = config.scheduler;
  const fabric = await openFabric({ config, name, logger });
  logger.info({ version, sync: fabric.sync }, fabric.durability);
  const memory = { heapLimitMiB: mebibytes(heapLimit()), machineMiB: mebibytes(totalmem()) };
  logger.info(memory, 'it takes in nothing new at 85 % of its heap limit: --max-old-space-size');
  const instance = randomBytes(4).toString('hex');
  const started = performance.now();
  try {
    await fabric.mark.check();
    const journal = await openJournal(fabric);
    const replica = new Replica({
      config,
      machineConfig: machineConfig(config),
      fabric,
      journal,
      instance,
      address: listen,
    });
    await replica.begin();
    const { gateway } = replica;
    const door = await openDoor(listen, gateway, () => ({
      scheduler: name,
      gateway: gateway.id,
      leading: replica.leading,
      terms: replica.terms,
      journalFacts: replica.facts,
      routes: gateway.routes.size,
      streams: gateway.streams,
      openCalls: gateway.calls.size,
      openRequests: gateway.requests.size,
      ...gateway.calls.counts,
      memoryMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
      upMs: Math.round(performance.now() - started),
    }));
    return {
      address: door.address,
      ended: Promise.race([replica.run(), rejectedBy(fabric.mark.behind)]),
      async stop(drainMs) {
        door.notServing();
        await replica.stop();
        await door.close(drainMs);
        gateway.stop();
        await fabric.close();
      },
    };
  } catch (thrown) {
    await fabric.close();
    throw thrown;
  }
}

async function rejectedBy(reason: Promise<Error>): Promise<never> {
  throw await reason;
}
