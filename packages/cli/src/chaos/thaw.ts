/**
 * Freezes a process of this machine so that it is surely thawed.
 *
 * Z1  a shell that outlives us is there before the process is frozen. It thaws the process when we
 *     are gone, however we ended, and at the latest after the bound.
 * Z2  nobody is frozen or thawed but the very process that was recorded.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { identityFunctions } from '@troupe/providers';
import { type KnownProcess, signalKnown } from '../local/identity.ts';

export interface Frozen {
  thaw(): Promise<void>;
}

/** Standard input ends with us. The last line ends the timer, which is in this shell's group. */
const script = `
${identityFunctions}
known=$(identity "$1")
thaw() { runs "$1" "$known" && kill -CONT "$1"; }
( sleep "$2"; thaw "$1" ) < /dev/null > /dev/null &
echo watching
read -r word
thaw "$1"
trap "" TERM
kill -TERM 0
`;

/** Absent when that process no longer runs. */
export async function freeze(known: KnownProcess, msMax: number): Promise<Frozen | undefined> {
  const shell = spawn(
    '/bin/sh',
    ['-c', script, 'thaw', `${known.pid}`, (msMax / 1_000).toFixed(3)],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
      // A session of its own: neither Ctrl-C nor a signal to our group reaches it.
      detached: true,
    },
  );
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()));
  shell.stdin.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    shell.once('error', reject);
    createInterface({ input: shell.stdout }).once('line', () => resolve());
    void ended.then(() => reject(new Error('the shell that is to thaw a process ended early')));
  });
  // Z2: what the shell remembers is this process, as it is still the one recorded.
  const stopped = signalKnown(known, 'SIGSTOP');
  const thaw = async () => {
    signalKnown(known, 'SIGCONT');
    shell.stdin.end();
    await ended;
  };
  if (stopped) return { thaw };
  await thaw();
  return undefined;
}
