/**
 * The shell of a machine far away, by the system's own `ssh`, which asks nobody anything.
 *
 * X1  a connection that no longer answers ends within about 15 seconds.
 */
import { type ErrorCode, troupeError } from '@troupe/model';
import { runProgram } from '../machine/local-shell.ts';
import { type Shell, type ShellEnd, scriptResult, shellCommand } from '../machine/shell.ts';
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

/** `keys` is the file of host keys that are trusted. */
export function sshShell(machine: SshMachine, keys: string): Shell {
  const place = placeOf(machine);
  return {
    place,
    async run(script, args, input) {
      const end = await runProgram(
        ['ssh', ...flags(machine, keys), '--', machine.host, shellCommand(script, args)],
        input,
      );
      if (end.code === sshFailed || end.signal !== null) throw lost(place, end);
      return scriptResult(place, end);
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

function lost(place: string, { stderr, stdout }: ShellEnd) {
  const words = stderr.trim().split('\n').slice(-3).join('; ');
  // A script that answered was reached.
  const known = stdout === '' ? causes.find(([pattern]) => pattern.test(stderr)) : undefined;
  const [, code, what] = known ?? [/./, 'HOST_LOST' as const, 'was lost in the middle'];
  return troupeError(code, `${place} ${what} (${words || 'ssh said nothing'})`, { place });
}
