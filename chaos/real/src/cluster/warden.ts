/**
 * What an operator's service manager does: every node and scheduler that ends is started again,
 * unless a fault holds it down.
 *
 * D1  a process is started again by name, with the settings of its first start.
 * D2  whoever holds a name is the only one who starts or ends processes of that name.
 * D3  an exit that nobody brought about and that says "bug" is an alarm.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Environment, Exit, Process } from '@troupe/cli';

const againMs = 300;
/** A node that was fenced ends with 4 and is to be started anew; 0 is an orderly end. */
const bugCode = 1;

export interface WardenStart {
  readonly cluster: Cluster;
  readonly alarm: (what: string) => void;
  readonly say: (line: string) => void;
}

export class Warden {
  readonly #start: WardenStart;
  readonly #names: readonly string[];
  readonly #held = new Set<string>();
  readonly #starting = new Map<string, Promise<void>>();
  #over = false;

  constructor(start: WardenStart) {
    this.#start = start;
    const all = [...start.cluster.schedulers, ...start.cluster.nodes];
    this.#names = all.map(({ name }) => name);
    for (const process of all) this.#watch(process);
  }

  /** Names that no fault holds and that run now. */
  free(kind: 'node' | 'scheduler'): readonly string[] {
    const { cluster } = this.#start;
    const list = kind === 'node' ? cluster.nodes : cluster.schedulers;
    return list
      .filter(({ name, running }) => running && !this.#held.has(name))
      .map((one) => one.name);
  }

  isHeld(name: string): boolean {
    return this.#held.has(name);
  }

  /** Takes the process out of the warden's care (D2). */
  hold(name: string): void {
    this.#held.add(name);
  }

  /** Gives it back: if it does not run, it is started. */
  release(name: string): void {
    this.#held.delete(name);
    if (this.#names.includes(name) && !this.process(name).running) void this.#mend(name);
  }

  /** All processes that are to run, run. */
  get complete(): boolean {
    return this.#names.every((name) => this.process(name).running);
  }

  /** The process of that name that runs, else one that ran. */
  process(name: string): Process {
    const { cluster } = this.#start;
    const all = [...cluster.schedulers, ...cluster.nodes].filter((one) => one.name === name);
    const found = all.find(({ running }) => running) ?? all[0];
    if (found === undefined) throw new Error(`${name} was never started`);
    return found;
  }

  /** Starts a process whose name the caller holds, again and again until it is there. */
  async revive(name: string, env: Environment = {}): Promise<void> {
    const { cluster, say } = this.#start;
    while (!this.#over) {
      if (this.process(name).running) return;
      try {
        const process = name.startsWith('s')
          ? await cluster.startScheduler({ name }, { env })
          : await cluster.startNode({ name }, { env });
        this.#watch(process);
        return;
      } catch (reason) {
        say(`${name} did not start: ${String(reason).slice(0, 300)}`);
        await pause(againMs);
      }
    }
  }

  /** Starts under way are let go; nothing is started any more. */
  async end(): Promise<void> {
    this.#over = true;
    await Promise.allSettled(this.#starting.values());
  }

  #watch(process: Process): void {
    void process.exited.then((exit) => this.#onExit(process.name, exit));
  }

  #onExit(name: string, exit: Exit): void {
    if (this.#over) return;
    const { alarm, say } = this.#start;
    say(`${name} ended with ${exit.signal ?? `code ${exit.code}`}`);
    // D3
    if (exit.code === bugCode || exit.signal === 'SIGSEGV' || exit.signal === 'SIGABRT') {
      alarm(
        `${name} ended with ${exit.signal ?? `code ${exit.code}`}, which is a bug; see its log`,
      );
    }
    if (!this.#held.has(name)) void this.#mend(name);
  }

  #mend(name: string): Promise<void> {
    const under = this.#starting.get(name);
    if (under !== undefined || this.#over) return under ?? Promise.resolve();
    const mending = this.revive(name).finally(() => this.#starting.delete(name));
    this.#starting.set(name, mending);
    return mending;
  }
}
