/**
 * The thread that writes one image beside a leader: it opens its own way to the store, reads the
 * journal to its end as any follower would, stores the state and reports.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { openFabric } from '@troupe/fabric';
import { failureOf } from '@troupe/model';
import { parsedConfig } from './config.ts';
import { History } from './history.ts';
import type { ThreadAnswer } from './image-thread.ts';
import { writeImage } from './images.ts';
import { openJournal } from './journal.ts';
import { machineConfig } from './machine-config.ts';

async function main(): Promise<ThreadAnswer> {
  const config = parsedConfig(workerData);
  const fabric = await openFabric({ config, name: `${config.scheduler.name}~image` });
  try {
    const journal = await openJournal(fabric);
    const { logs, objects } = fabric;
    const start = { ...journal, logs, objects, config: machineConfig(config) };
    return { image: await writeImage(await History.restore(start), objects) };
  } finally {
    await fabric.close();
  }
}

main()
  .catch((thrown: unknown): ThreadAnswer => ({ reason: failureOf(thrown).message }))
  .then((answer) => parentPort?.postMessage(answer));
