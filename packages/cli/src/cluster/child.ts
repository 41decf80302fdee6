/**
 * One scheduler or node as a child process: started with a configuration file, awaited until its
 * ready line, its log in a file.
 *
 * L1  a start ends in bounded time: ready, or an error that holds the process's last words.
 * L2  a process that did not become ready is not left running.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { isErrorCode, TroupeError } from '@troupe/model';
import type { Guard } from './guard.ts';
import type { Environment, Exit, Process } from './options.ts';

export interface ChildStart {
  readonly name: string;
  readonly kind: 'scheduler' | 'node';
  /** The process's main module. */
  readonly main: string;
  /** Of Node, before the program. */
  readonly flags: readonly string[];
  readonly configFile: string;
  readonly logFile: string;
  readonly env: Environment;
  /** Goes before the program and becomes it. */
  readonly prefix: readonly string[];
  readonly guard: Guard;
  readonly startMsMax: number;
  /** Gives the start up: it fails, and the process is ended. */
  readonly abandon: AbortSignal;
}

interface Ready {
  readonly address?: string;
  readonly incarnation?: string;
}

export async function startChild(start: ChildStart): Promise<Process> {
  mkdirSync(dirname(start.logFile), { recursive: true });
  const log = openSync(start.logFile, 'a');
  const own = [process.execPath, ...start.flags, start.main, '--config', start.configFile];
  const [program = process.execPath, ...args] = [...start.prefix, ...own];
  const child = spawn(program, args, {
    // Its own group: Ctrl-C reaches the launcher alone, which stops all in order.
    detached: true,
    stdio: ['ignore', 'pipe', log],
    env: { ...inheritedEnvironment(), ...start.env },
  });
  closeSync(log);
  const pid = child.pid;
  const exited = exitOf(child);
  if (pid === undefined) throw (await exited).error;
  start.guard.watch(pid);
  const state = { running: true };
  void exited.then(() => {
    state.running = false;
    start.guard.forget(pid);
  });
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => {
    if (state.running) child.kill(signal);
  };
  try {
    const ready = await readyLine(child, exited, start);
    return {
      name: start.name,
      kind: start.kind,
      pid,
      get running() {
        return state.running;
      },
      exited,
      log: start.logFile,
      ...ready,
      kill,
    };
  } catch (cause) {
    kill('SIGKILL');
    await exited;
    throw cause;
  }
}

/** Our environment, less what slows every start of Node down. */
export function inheritedEnvironment(): { [name: string]: string | undefined } {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}

interface ExitOrError extends Exit {
  readonly error?: Error;
}

function exitOf(child: ChildProcess): Promise<ExitOrError> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

function readyLine(child: ChildProcess, exited: Promise<Exit>, start: ChildStart): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(startFailure(start, `was not ready within ${start.startMsMax} ms`)),
      start.startMsMax,
    );
    const abandoned = () => reject(startFailure(start, 'was given up before it was ready'));
    start.abandon.addEventListener('abort', abandoned);
    if (start.abandon.aborted) abandoned();
    const settle = () => {
      clearTimeout(timer);
      start.abandon.removeEventListener('abort', abandoned);
    };
    void exited.then((exit) => {
      settle();
      const how = exit.signal === null ? `exited with code ${exit.code}` : `died by ${exit.signal}`;
      reject(startFailure(start, `${how} before it was ready`));
    });
    if (child.stdout === null) return;
    // Read to the end, so that a later line never blocks the process.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = parseReady(line);
      if (ready === undefined) return;
      settle();
      resolve(ready);
    });
  });
}

function parseReady(line: string): Ready | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Not ours: a library that prints must not end the start.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('ready' in value)) return undefined;
  const ready = value.ready;
  if (typeof ready !== 'object' || ready === null) return undefined;
  return {
    ...('address' in ready && typeof ready.address === 'string' ? { address: ready.address } : {}),
    ...('incarnation' in ready && typeof ready.incarnation === 'string'
      ? { incarnation: ready.incarnation }
      : {}),
  };
}

/** The process's own code when its last words hold one, else `INTERNAL`. */
function startFailure(start: ChildStart, what: string): TroupeError {
  const { kind, name, logFile } = start;
  const words = lastLines(logFile, 12);
  const details = { name, log: logFile };
  const [, code = '', reason] = [...words.matchAll(/^([A-Z][A-Z_]+): (.*)$/gm)].at(-1) ?? [];
  if (isErrorCode(code)) {
    const message = `${kind} ${name} ${what}: ${reason} (its log is ${logFile})`;
    return new TroupeError({ code, message, details });
  }
  const said = words === '' ? 'it said nothing' : `its last words:\n${words}`;
  const message = `${kind} ${name} ${what}; see ${logFile}; ${said}`;
  return new TroupeError({ code: 'INTERNAL', message, details });
}

export function lastLines(file: string, count: number): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    // No file: the process said nothing.
    return '';
  }
}
