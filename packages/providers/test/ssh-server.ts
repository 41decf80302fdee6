/** A real sshd on loopback with a port, a host key and a user's key of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const program = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find((file) =>
  existsSync(file),
);
const root = process.getuid?.() === 0;

/** Why no sshd can be started here; absent where one can. */
export const noSshServer: string | undefined =
  program === undefined ? 'needs sshd, from the package openssh-server' : undefined;

export interface SshServer {
  /** `user@127.0.0.1:port`. */
  readonly target: string;
  readonly port: number;
  /** A key that is let in, and one that is not. */
  readonly keyFile: string;
  readonly strangerKeyFile: string;
  /** Of the host key, as `ssh-keygen -l` prints it. */
  fingerprint(): string;
  /** Makes another host key and starts anew on the same port. */
  changeHostKey(): Promise<void>;
  /** Starts anew; sessions find this PATH. */
  usePath(path: string): Promise<void>;
  /** What the user's login shell runs before anything else; none by default. */
  useProfile(text: string): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops, and removes what was made. */
  remove(): Promise<void>;
}

/** Where it listens: `prefix` goes before its command, such as `ip netns exec NAME`. */
export interface SshPlace {
  readonly address: string;
  readonly prefix: readonly string[];
}

const loopback: SshPlace = { address: '127.0.0.1', prefix: [] };

export async function startSshServer(place: SshPlace = loopback): Promise<SshServer> {
  const { address, prefix } = place;
  const folder = mkdtempSync(join(tmpdir(), 'troupe-sshd-'));
  const port = prefix.length === 0 ? await freePort() : 2_222;
  const user = userInfo().username;
  const hostKey = join(folder, 'host_key');
  const keyFile = join(folder, 'key');
  const strangerKeyFile = join(folder, 'stranger');
  for (const file of [hostKey, keyFile, strangerKeyFile]) makeKey(file);
  const publicKey = execFileSync('ssh-keygen', ['-y', '-f', keyFile], { encoding: 'utf8' });
  writeFileSync(join(folder, 'authorized_keys'), publicKey);
  // Where sshd runs as root it wants an empty folder of its own.
  if (root) mkdirSync('/run/sshd', { recursive: true });
  let path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  let child: ChildProcess | undefined;

  const start = async () => {
    const config = join(folder, 'sshd_config');
    writeFileSync(config, configuration({ folder, address, port, hostKey, path }));
    const words = [...prefix, program ?? 'sshd', '-D', '-e', '-f', config];
    child = spawn(words[0] ?? 'sshd', words.slice(1), {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    await untilListening({ address, port }, child);
  };
  const stop = async () => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    await exited;
  };
  await start();
  return {
    target: `${user}@${address}:${port}`,
    port,
    keyFile,
    strangerKeyFile,
    fingerprint: () => {
      const args = ['-l', '-f', `${hostKey}.pub`];
      return execFileSync('ssh-keygen', args, { encoding: 'utf8' }).split(' ')[1] ?? '';
    },
    async changeHostKey() {
      await stop();
      rmSync(hostKey);
      makeKey(hostKey);
      await start();
    },
    async usePath(wanted) {
      await stop();
      path = wanted;
      await start();
    },
    useProfile(text) {
      writeFileSync(join(folder, '.bashrc'), text);
    },
    start,
    stop,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

interface Configured {
  readonly folder: string;
  readonly address: string;
  readonly port: number;
  readonly hostKey: string;
  readonly path: string;
}

function configuration({ folder, address, port, hostKey, path }: Configured): string {
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
    // What the user's own shell reads when it starts is none of the test's business.
    `SetEnv HOME=${folder} PATH=${path}`,
    '',
  ].join('\n');
}

function makeKey(file: string): void {
  rmSync(`${file}.pub`, { force: true });
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  chmodSync(file, 0o600);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

/** Only a connection tells that it listens; it is asked until it answers or ends. */
async function untilListening(
  at: { address: string; port: number },
  child: ChildProcess,
): Promise<void> {
  for (;;) {
    const listens = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port: at.port, host: at.address });
      socket.once('error', () => resolve(false));
      socket.once('data', () => {
        socket.destroy();
        resolve(true);
      });
    });
    if (listens) return;
    if (child.exitCode !== null) throw new Error(`sshd ended with code ${child.exitCode}`);
  }
}
