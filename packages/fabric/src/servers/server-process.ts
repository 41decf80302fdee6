/**
 * One server program as a child process: started, asked until it answers, stopped, started again
 * with the same port and data.
 *
 * S1  A server is ready when it answered, never because time passed.
 * S2  No server outlives this process: it is killed by pid when this process exits, and where the
 *     system can (Linux with `setpriv`) the kernel ends it even when this process is killed.
 * S3  A signal goes only to a child that has not exited yet, so never to a stranger's pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { troupeError } from '@troupe/model';
import { assertPortFree, portInUse } from './ports.ts';

export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running server. `pid` and `exited` speak of the process of the last (re)start. */
export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly exited: Promise<ServerExit>;
  readonly running: boolean;
  /** Sends a signal; answers false when the process is gone already. */
  kill(signal?: NodeJS.Signals): boolean;
  /** SIGTERM, then SIGKILL after `boundMs` (default 5 s). Idempotent. */
  stop(boundMs?: number): Promise<ServerExit>;
  /** Starts it again on the same port and data; one that still runs is stopped first. */
  restart(): Promise<void>;
}

export interface ServerPlan {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Every port it listens on; the first is the one clients use. */
  readonly ports: readonly [number, ...number[]];
  /** The address that it listens on. */
  readonly host: string;
  /** Goes before the program, which it becomes: `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  readonly url: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** Asks the server once; false or a rejection means: not yet. */
  readonly isReady: () => Promise<boolean>;
  readonly readyMsMax: number;
}

const pollMs = 15;
const stopMsMax = 5_000;
const logLinesShown = 8;

export class ServerProcess implements Server {
  readonly #plan: ServerPlan;
  #child: ChildProcess | undefined;
  #exited: Promise<ServerExit> = Promise.resolve({ code: null, signal: null });
  #logStart = 0;

  constructor(plan: ServerPlan) {
    this.#plan = plan;
  }

  get name() {
    return this.#plan.name;
  }

  get pid() {
    return this.#child?.pid ?? 0;
  }

  get port() {
    return this.#plan.ports[0];
  }

  get url() {
    return this.#plan.url;
  }

  get dataDir() {
    return this.#plan.dataDir;
  }

  get logFile() {
    return this.#plan.logFile;
  }

  get exited() {
    return this.#exited;
  }

  get running() {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async start(): Promise<void> {
    const { ports, host, prefix = [] } = this.#plan;
    // Behind a prefix the address may be another network's, where nothing can be tried from here.
    if (prefix.length === 0) for (const port of ports) await assertPortFree(port, this.name, host);
    this.#spawn();
    try {
      await this.#untilReady();
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): boolean {
    return this.running && this.#child?.kill(signal) === true;
  }

  async stop(boundMs: number = stopMsMax): Promise<ServerExit> {
    if (this.running) {
      this.kill('SIGTERM');
      const timer = setTimeout(() => this.kill('SIGKILL'), boundMs);
      await this.#exited;
      clearTimeout(timer);
    }
    return this.#exited;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  #spawn(): void {
    const { program, args, logFile, prefix = [] } = this.#plan;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a');
    this.#logStart = statSync(logFile).size;
    try {
      const [command = program, ...rest] = [...parentDeathPrefix(), ...prefix, program, ...args];
      const child = spawn(command, rest, {
        stdio: ['ignore', log, log],
        // Ctrl-C is for the owner, who stops the servers last. Where the kernel does not tie them to
        // the owner's life they stay in its group, so that Ctrl-C ends them at least.
        detached: parentDeathPrefix().length > 0,
      });
      this.#child = child;
      this.#exited = new Promise((resolve) => {
        child.once('error', () => resolve({ code: null, signal: null }));
        child.once('exit', (code, signal) => resolve({ code, signal }));
      });
    } finally {
      closeSync(log);
    }
    killAtExit(this);
  }

  async #untilReady(): Promise<void> {
    const { isReady, readyMsMax } = this.#plan;
    const end = performance.now() + readyMsMax;
    while (performance.now() < end) {
      if (await isReady().catch(() => false)) {
        if (this.running) return;
      }
      if (!this.running) throw this.#exitedAtStart(await this.#exited);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    const what = `${this.name} did not answer on ${this.url} within ${readyMsMax} ms`;
    throw this.#failed(what);
  }

  #exitedAtStart({ code, signal }: ServerExit) {
    const used = /:(\d+): bind: address already in use/.exec(this.#logTail());
    if (used !== null) return portInUse(Number(used[1]), this.name, this.#plan.host);
    return this.#failed(`${this.name} ended at start (${signal ?? `exit code ${code}`})`);
  }

  #failed(what: string) {
    const details = { server: this.name, log: this.logFile };
    return troupeError('SERVER_FAILED', `${what}, saying:\n${this.#logTail()}\n`, details);
  }

  /** The last lines that this start wrote. */
  #logTail(): string {
    const text = readFileSync(this.logFile).subarray(this.#logStart).toString('utf8').trim();
    return text.split('\n').slice(-logLinesShown).join('\n') || '(nothing)';
  }
}

const setpriv = process.platform === 'linux' && existsSync('/usr/bin/setpriv');

/** A program that asks the kernel to end it with its parent, and then becomes what follows. */
function parentDeathPrefix(): string[] {
  return setpriv ? ['/usr/bin/setpriv', '--pdeathsig', 'SIGKILL', '--'] : [];
}

const alive = new Set<ServerProcess>();

function killAtExit(server: ServerProcess): void {
  if (alive.size === 0) process.on('exit', killAll);
  alive.add(server);
  void server.exited.then(() => {
    alive.delete(server);
    if (alive.size === 0) process.off('exit', killAll);
  });
}

function killAll(): void {
  for (const server of alive) server.kill('SIGKILL');
}
