/**
 * A thread that ends the process when its node is gone. The end of the pipe does that already, but
 * not while user code blocks the event loop (P1).
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** Milliseconds between two looks at the parent. */
const lookMs = 500;

/** Starts the guard; it keeps nothing alive. */
export function guardOrphans(): void {
  const worker = new Worker(new URL(import.meta.url), { workerData: { parent: process.ppid } });
  worker.unref();
}

if (!isMainThread && isParent(workerData)) {
  const { parent } = workerData;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, lookMs);
}

function isParent(data: unknown): data is { readonly parent: number } {
  return typeof data === 'object' && data !== null && 'parent' in data;
}
