/** All deliberate faults, on as many threads as are given: whichever is done takes the next one. */
import { Worker } from 'node:worker_threads';
import type { MutantName } from '../mutants/mutants.ts';
import type { Caught } from './mutant-table.ts';

/** What a thread is told. */
export interface Sought {
  readonly mutant: MutantName;
  /** Only this checker looks. */
  readonly alone: string | undefined;
}

/** `on` hears of each when it is done. Answers those whose thread ended before: nothing is known of them (B1). */
export async function catchMutants(
  mutants: readonly MutantName[],
  { threads, alone }: { readonly threads: number; readonly alone: string | undefined },
  on: (caught: Caught) => void,
): Promise<readonly MutantName[]> {
  const waiting = [...mutants];
  const left = new Set(mutants);
  const ends = Array.from({ length: Math.min(threads, mutants.length) }, () => {
    const worker = new Worker(new URL('./mutant-thread.js', import.meta.url));
    const next = (): void => {
      const mutant = waiting.shift();
      if (mutant === undefined) void worker.terminate();
      else worker.postMessage({ mutant, alone } satisfies Sought);
    };
    worker.on('message', (caught: Caught) => {
      left.delete(caught.mutant);
      on(caught);
      next();
    });
    next();
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
  });
  await Promise.all(ends);
  return [...left];
}
