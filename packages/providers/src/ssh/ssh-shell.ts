/**
 * The shell of a machine far away, by the system's own `ssh`, which asks nobody anything.
 *
 * X1  a connection that no longer answers ends within about 15 seconds; a machine that answers but
 *     hangs is given up as any shell is (H2).
 */
import { type ErrorCode, TroupeError, troupeError } from '@troupe/model';
import { frameArgs, framed, newFrame, readFrame } from '../machine/frame.ts';
import { type ProgramEnd, runProgram } from '../machine/program.ts';
import {
  answerMsDefault,
  boundOf,
  lastWords,
  type Shell,
  scriptResult,
  shellCommand,
} from '../machine/shell.ts';
import { placeOf, type SshMachine } from './target.ts';

const options = {
  BatchMode: 'yes',
  StrictHostKeyChecking: 'yes',
  GlobalKnownHostsFile: '/dev/null',
  UpdateHostKeys: 'no',
  CheckHostIP: 'no',
  ConnectTimeout: '10',
  ServerAliveInterval: '5',
  ServerAliveCountMax: '3',
  ControlPath: 'none',
  ForwardAgent: 'no',
  LogLevel: 'ERROR',
};

/** What ssh itself could not do: its exit code is 255 then. */
const sshFailed = 255;
const keyMsMax = 10_000;

/** `keys` is the file of host keys that are trusted. */
export function sshShell(
  machine: SshMachine,
  keys: string,
  answerMsMax: number = answerMsDefault,
): Shell {
  const place = placeOf(machine);
  return {
    place,
    async run(script, args, run) {
      const frame = newFrame(answerMsMax);
      const command = shellCommand(framed(script), [
        ...frameArgs(frame, boundOf(frame, run)),
        ...args,
      ]);
      const end = await runProgram(['ssh', ...flags(machine, keys), '--', machine.host, command], {
        msMax: boundOf(frame, run),
        input: run,
        held: frame.held,
      });
      const { begun, code } = readFrame(frame, end.stdout);
      const ssh = end.code === sshFailed || end.signal !== null;
      if (code === undefined && ssh && !end.givenUp) throw await lost(machine, end, begun);
      return scriptResult(place, frame, end, run);
    },
  };
}

function flags({ user, port, keyFile }: SshMachine, keys: string): string[] {
  const identity = keyFile === undefined ? [] : ['-i', keyFile, '-o', 'IdentitiesOnly=yes'];
  const settings = Object.entries({ ...options, UserKnownHostsFile: JSON.stringify(keys) });
  return [
    // The user's own configuration may say otherwise about any of this.
    ...['-F', 'none', '-T', '-p', `${port}`, '-l', user],
    ...identity,
    ...settings.flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ];
}

/** What ssh says in words; anything else happened when the connection stood. */
const causes: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/HOST IDENTIFICATION HAS CHANGED/, 'HOST_KEY_CHANGED', 'shows another key than before'],
  [/Host key verification failed|host key is known/, 'HOST_KEY_CHANGED', 'shows a key never seen'],
  [
    /Permission denied|Too many authentication failures|Load key|bad permissions/,
    'HOST_REFUSED',
    'does not let us in',
  ],
  [
    /Could not resolve|ssh: connect|banner exchange|kex_exchange|Connection \w+ by \S+ port/,
    'HOST_UNREACHABLE',
    'cannot be reached',
  ],
];

async function lost(machine: SshMachine, { stderr }: ProgramEnd, begun: boolean) {
  const place = placeOf(machine);
  const { keyFile } = machine;
  // A script that began was reached.
  const known = begun ? undefined : causes.find(([pattern]) => pattern.test(stderr));
  const [, code, what] = known ?? [/./, 'HOST_LOST' as const, 'was lost in the middle'];
  const how = `${place} ${what} (ssh says: ${lastWords(stderr)})`;
  if (code !== 'HOST_REFUSED' || keyFile === undefined || !(await isSealed(keyFile))) {
    return troupeError(code, how, { place });
  }
  const next = `the key ${keyFile} has a passphrase: load it by \`ssh-add ${keyFile}\``;
  return new TroupeError({ code, message: `${how}; ${next}`, details: { place, keyFile } });
}

/** True for a key that needs a passphrase, which nobody is asked for. */
async function isSealed(keyFile: string): Promise<boolean> {
  const words = ['ssh-keygen', '-y', '-P', '', '-f', keyFile];
  const { stderr } = await runProgram(words, { msMax: keyMsMax });
  return /passphrase/i.test(stderr);
}
