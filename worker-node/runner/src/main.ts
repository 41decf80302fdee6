/**
 * The process in which user code runs: `main.js <bundle file> <bundle hash>`, with file descriptor 3
 * as a pipe to its node. It reaches nothing of the cluster but that node.
 *
 * P1  when the pipe ends the process ends at once: its node is gone, and so is its work.
 * P2  an error that user code let go unhandled ends the process: nobody knows what it left behind.
 */
import { Socket } from 'node:net';
import { bundleHash, type FromRunner, type ToRunner } from '@troupe/model';
import { loadBundle } from './bundle.ts';
import { after } from './long-timer.ts';
import { guardOrphans } from './orphan-guard.ts';
import { FramePipe } from './pipe.ts';
import { revealed } from './revealed.ts';
import { Runner } from './runner.ts';
import { TurnMeter } from './turn-meter.ts';
import { UseMeter } from './use-meter.ts';

const pipeDescriptor = 3;

async function main(file: string, hash: string): Promise<void> {
  const early: ToRunner[] = [];
  let take = (frame: ToRunner): void => {
    early.push(frame);
  };
  const socket = new Socket({ fd: pipeDescriptor, readable: true, writable: true });
  const pipe = new FramePipe<ToRunner, FromRunner>(socket, (frame) => take(frame));
  for (const event of ['end', 'close', 'error']) socket.on(event, () => process.exit(0));
  // A signal to the whole group is the node's to answer: it lets its turns end, then the pipe (P1).
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
  const crash = (what: string) => (thrown: unknown) => {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    pipe.send({ kind: 'log', level: 'error', text: revealed.scrub(`${what}: ${text}`) });
    pipe.end(() => process.exit(1));
  };
  process.on('uncaughtException', crash('uncaught exception in the bundle'));
  process.on('unhandledRejection', crash('unhandled rejection in the bundle'));

  guardOrphans();
  const loaded = await loadBundle(file);
  if ('code' in loaded) {
    pipe.send({ kind: 'load-failed', failure: loaded });
    pipe.end(() => process.exit(0));
    return;
  }
  const runner = new Runner(loaded, pipe.send, {
    after,
    wall: () => Date.now(),
    meter: new UseMeter(),
    turnMeter: new TurnMeter(),
    clock: { now: () => performance.now(), soon: setImmediate },
  });
  pipe.send({ kind: 'loaded', bundle: bundleHash(hash), manifest: loaded.manifest });
  take = (frame) => runner.take(frame);
  for (const frame of early) runner.take(frame);
}

const [file, hash] = process.argv.slice(2);
if (file === undefined || hash === undefined) {
  process.stderr.write('usage: main.js <bundle file> <bundle hash>, with a pipe as descriptor 3\n');
  process.exit(2);
}
await main(file, hash);
