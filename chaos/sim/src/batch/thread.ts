/** A thread of a batch. */
import { parentPort, workerData } from 'node:worker_threads';
import { runShare, type Share } from './batch.ts';

await runShare(workerData as Share, (report) => parentPort?.postMessage(report));
