/** A machine of its own as far as the network goes: a network namespace on a link to this one. */
import { execFileSync } from 'node:child_process';

/** Why none can be made here; absent where one can. */
export const noNamespaces: string | undefined = reason();

export interface Namespace {
  /** Of this machine, as seen from there. */
  readonly nearAddress: string;
  readonly farAddress: string;
  /** Goes before a command that is to run there. */
  readonly prefix: readonly string[];
  /** Processes that run there. */
  pids(): number[];
  remove(): void;
}

export function makeNamespace(): Namespace {
  const number = process.pid % 14_000;
  const name = `troupe-${number}`;
  const net = `10.${200 + (number >> 8)}.${number & 255}`;
  const run = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
  const [near, far] = [`tr${number}a`, `tr${number}b`];
  run('netns', 'add', name);
  try {
    run('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
    run('addr', 'add', `${net}.1/30`, 'dev', near);
    run('link', 'set', near, 'up');
    run('-n', name, 'addr', 'add', `${net}.2/30`, 'dev', far);
    run('-n', name, 'link', 'set', far, 'up');
    run('-n', name, 'link', 'set', 'lo', 'up');
  } catch (cause) {
    run('netns', 'del', name);
    throw cause;
  }
  return {
    nearAddress: `${net}.1`,
    farAddress: `${net}.2`,
    prefix: ['ip', 'netns', 'exec', name],
    pids: () => run('netns', 'pids', name).split('\n').filter(Boolean).map(Number),
    remove: () => void run('netns', 'del', name),
  };
}

function reason(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, for a network namespace';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs ip, from the package iproute2';
  }
}
