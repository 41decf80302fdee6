/** The witness of a node: a thread with a connection of its own that answers whoever asks whether the process runs. */
import { parentPort, workerData } from 'node:worker_threads';
import { NatsBus, names, openLink, processLogger, realClock } from '@troupe/fabric';
import { cellName, type Incarnation } from '@troupe/model';
import type { NodeHostConfig } from './config.ts';

type WitnessData = Pick<NodeHostConfig, 'cell' | 'nats' | 'replicas' | 'logLevel'> & {
  readonly incarnation: Incarnation;
};

async function main(data: WitnessData): Promise<void> {
  const { cell, nats, replicas, incarnation, logLevel } = data;
  const logger = processLogger(incarnation, logLevel);
  const start = { nats, replicas, name: incarnation, clock: realClock, logger };
  const bus = new NatsBus(await openLink({ ...start, role: 'witness' }));
  bus.answer(names(cellName(cell)).witness(incarnation), async () => ({ runs: true }));
  await bus.flush();
  parentPort?.postMessage('listens');
}

await main(workerData);
