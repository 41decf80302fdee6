/** Has an image written by a short-lived thread, which reads the journal on its own. */
import { Worker } from 'node:worker_threads';
import { troupeError } from '@troupe/model';
import type { ServerConfig } from './config.ts';
import type { WrittenImage } from './images.ts';

export type ThreadAnswer = { readonly image: WrittenImage } | { readonly reason: string };

const threadMsMax = 600_000;

export function writeImageBeside(config: ServerConfig): Promise<WrittenImage> {
  return new Promise((resolve, reject) => {
    const fail = (text: string): void => reject(troupeError('UNAVAILABLE', text));
    // The compiled file: threads are started from what was built.
    const thread = new Worker(new URL('./image-writer.js', import.meta.url), {
      workerData: config,
    });
    const timer = setTimeout(() => {
      fail(`the image thread took more than ${threadMsMax} ms`);
      void thread.terminate();
    }, threadMsMax);
    thread.on('message', (answer: ThreadAnswer) => {
      if ('image' in answer) resolve(answer.image);
      else fail(answer.reason);
    });
    thread.on('error', (reason) => fail(`the image thread failed: ${reason.message}`));
    thread.on('exit', (code) => {
      clearTimeout(timer);
      fail(`the image thread ended with code ${code} and without an image`);
    });
  });
}
