/** Runs the real `troupe` binary and gives what it printed and its exit code. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('../bin/troupe.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Begun {
  /** First line on standard output. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<Ran>;
  /** What it has said on standard error so far. */
  said(): string;
  kill(signal: NodeJS.Signals): void;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Runs the command to its end. */
export function troupe(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return begin(args, options).ended;
}

/** Starts a command that stays in the foreground. */
export function begin(args: readonly string[], options: RunOptions = {}): Begun {
  const { TROUPE_ADDRESS: _, NODE_EXTRA_CA_CERTS: __, ...env } = process.env;
  const child = spawn(process.execPath, [binary, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void ended.then(({ code, stderr: said }) => reject(new Error(`ended with ${code}: ${said}`)));
  });
  // Whoever runs a command to its end does not look at its first line.
  firstLine.catch(() => undefined);
  return { firstLine, ended, said: () => stderr, kill: (signal) => void child.kill(signal) };
}
