/**
 * The thread that writes one image: it opens its own way to the store, reads the journal to its end as any follower
 * would, stores the state and reports. Whatever else the process does goes before it.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openFabric } from '@troupe/fabric';
import { failureOf } from '@troupe/model';
import { parsedConfig } from './config.ts';
import { History } from './history.ts';
import { ImageStore } from './image-store.ts';
import type { ThreadAnswer } from './image-thread.ts';
import { openJournal } from './journal.ts';
import { machineConfig } from './machine-config.ts';

/** Of a full core it leaves three quarters to a thread that wants it. */
const niceness = 6;

async function main(): Promise<ThreadAnswer> {
  giveWay();
  const config = parsedConfig(workerData);
  const fabric = await openFabric({ config, name: `${config.scheduler.name}~image` });
  try {
    const journal = await openJournal(fabric);
    const images = new ImageStore(fabric.objects);
    const start = { ...journal, logs: fabric.logs, images, config: machineConfig(config) };
    const history = await History.restore(start);
    const { nextFact: facts, imagePosition: position } = history;
    const stored = await images.put(history.machine.imageParts());
    return { image: { ...stored, facts, position } };
  } finally {
    await fabric.close();
  }
}

/** Of this thread alone, where the system tells its number. */
function giveWay(): void {
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness);
  } catch {
    // Not on Linux: it competes as an equal.
  }
}

main()
  .catch((thrown: unknown): ThreadAnswer => ({ reason: failureOf(thrown).message }))
  .then((answer) => parentPort?.postMessage(answer));
