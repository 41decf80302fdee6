/**
 * Many seeds, on as many threads as are given.
 *
 * B1  a seed that was not run is named, however its thread ended: nothing is known of it.
 */
import { Worker } from 'node:worker_threads';
import { type RunWishes, runSeed } from '../run/run.ts';
import { type Report, reportOf } from './summary.ts';

/** What a thread is told: which seeds, and how. */
export interface Share {
  readonly seeds: readonly number[];
  readonly wishes: RunWishes;
}

/** Runs the seeds one after another in this thread. */
export async function runShare(share: Share, on: (report: Report) => void): Promise<void> {
  for (const seed of share.seeds) on(reportOf(await runSeed(seed, share.wishes)));
}

/**
 * Runs the seeds on threads; `on` hears of each when it is done, and may say that it is enough.
 * Answers the seeds that were not run (B1).
 */
export async function runBatch(
  batch: Share & { readonly threads: number },
  on: (report: Report) => 'go on' | 'enough',
): Promise<readonly number[]> {
  const workers: Worker[] = [];
  const enough = (): void => {
    for (const worker of workers) void worker.terminate();
  };
  const left = new Set(batch.seeds);
  const ends = Array.from({ length: batch.threads }, (_, thread) => {
    const seeds = batch.seeds.filter((_seed, index) => index % batch.threads === thread);
    const share: Share = { seeds, wishes: batch.wishes };
    const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: share });
    workers.push(worker);
    return new Promise<void>((resolve, reject) => {
      worker.on('message', (report: Report) => {
        left.delete(report.seed);
        if (on(report) === 'enough') enough();
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
  });
  await Promise.all(ends);
  // B1
  return [...left];
}
