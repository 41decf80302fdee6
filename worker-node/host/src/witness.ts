/**
 * Starts the thread that answers for this process while its loop stands still, as a long collection of
 * garbage makes it: whoever doubts that the node lives asks there (`witness-thread.ts`). A process that is
 * stopped or dead has no thread that answers.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '@troupe/fabric';
import type { Incarnation } from '@troupe/model';
import type { NodeHostConfig } from './config.ts';

export interface WitnessStart {
  readonly config: NodeHostConfig;
  readonly incarnation: Incarnation;
  readonly logger: Logger;
}

export interface Witness {
  /** It listens, and has not ended. */
  readonly answers: boolean;
}

/** A node without a witness is judged by its silence alone, so its end is only told. */
export function startWitness({ config, incarnation, logger }: WitnessStart): Witness {
  const witness = { answers: false };
  const { cell, nats, replicas, logLevel } = config;
  // The compiled file: threads are started from what was built.
  const thread = new Worker(new URL('./witness-thread.js', import.meta.url), {
    workerData: { cell, nats, replicas, logLevel, incarnation },
  });
  thread.unref();
  thread.on('message', () => {
    witness.answers = true;
  });
  thread.on('error', (reason) => logger.warn({ err: reason }, 'the witness has failed'));
  thread.on('exit', () => {
    witness.answers = false;
  });
  return witness;
}
