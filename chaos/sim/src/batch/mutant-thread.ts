/** A thread that looks for the seed by which a deliberate fault is noticed, one fault after another. */
import { parentPort } from 'node:worker_threads';
import { catchMutant } from './mutant-table.ts';
import type { Sought } from './mutant-threads.ts';

parentPort?.on('message', ({ mutant, alone }: Sought) => {
  void catchMutant(mutant, undefined, alone).then((caught) => parentPort?.postMessage(caught));
});
