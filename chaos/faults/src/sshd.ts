/**
 * An ssh server on a machine, with a host key and a user's key of its own, so that nodes can be put
 * there as on any machine far away.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { userInfo } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from './command.ts';
import type { Machine } from './machine.ts';

export interface Sshd {
  /** `user@address:port`. */
  readonly target: string;
  /** A key that is let in. */
  readonly keyFile: string;
  /** Of the host key, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  /** Starts it, unless it runs; answers when it greets. */
  boot(): Promise<void>;
}

const port = 2_222;
const greetMsMax = 20_000;
const program = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find((file) =>
  existsSync(file),
);

/** Why no ssh server can be had here; absent where one can. */
export const noSshd: string | undefined =
  program === undefined ? 'needs sshd, from the package openssh-server' : undefined;

/**
 * Keys and configuration go to the folder. It ends with its machine. Who comes in is at home in the
 * folder too: what a shell of ours reads at home may take locks, which outlive a machine that dies.
 */
export function sshdOn(machine: Machine, folder: string): Sshd {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Where sshd runs as root it wants an empty folder of its own.
  mkdirSync('/run/sshd', { recursive: true });
  const hostKey = join(folder, 'host_key');
  const keyFile = join(folder, 'key');
  const config = join(folder, 'sshd_config');
  mkdirSync(join(folder, 'home'), { recursive: true });
  for (const file of [hostKey, keyFile]) makeKey(file);
  writeFileSync(join(folder, 'authorized_keys'), run(['ssh-keygen', '-y', '-f', keyFile]));
  writeFileSync(config, configuration(machine, folder, hostKey));
  let child: ChildProcess | undefined;
  return {
    target: `${userInfo().username}@${machine.address}:${port}`,
    keyFile,
    fingerprint: run(['ssh-keygen', '-l', '-f', `${hostKey}.pub`]).split(' ')[1] ?? '',
    async boot() {
      const runs = child !== undefined && child.exitCode === null && child.signalCode === null;
      if (!runs) {
        const [first = '', ...words] = [...machine.prefix, program ?? 'sshd', '-D', '-e', '-f'];
        child = spawn(first, [...words, config], { stdio: 'ignore', detached: true });
        child.unref();
      }
      const end = performance.now() + greetMsMax;
      while (!(await greets(machine.address))) {
        if (child?.exitCode != null) throw new Error(`sshd ended with code ${child.exitCode}`);
        if (performance.now() > end) throw new Error(`sshd on ${machine.name} does not greet`);
        await pause(20);
      }
    },
  };
}

function configuration({ address }: Machine, folder: string, hostKey: string): string {
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  return [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    `PidFile ${folder}/sshd.pid`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'MaxStartups 100',
    `SetEnv "HOME=${join(folder, 'home')}" "PATH=${path}"`,
    '',
  ].join('\n');
}

function makeKey(file: string): void {
  for (const old of [file, `${file}.pub`]) rmSync(old, { force: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  chmodSync(file, 0o600);
}

function greets(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host, timeout: 2_000 });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
    socket.once('data', () => settle(true));
  });
}
