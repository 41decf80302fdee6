/** A scheduler or node that is a child of this process. */
import type { Machine } from '@troupe/chaos-faults';
import type { Cluster, Exit, Process } from '@troupe/cli';
import { again } from './again.ts';
import type { Change, Member } from './member.ts';

export interface ChildMemberStart {
  readonly cluster: Cluster;
  readonly role: 'scheduler' | 'node';
  readonly name: string;
  readonly machine?: Machine;
  readonly say: (line: string) => void;
}

export class ChildMember implements Member {
  readonly name: string;
  readonly role: 'scheduler' | 'node';
  readonly machine: Machine | undefined;
  readonly #start: ChildMemberStart;
  readonly #listeners: ((exit: Exit) => void)[] = [];
  readonly #over = new AbortController();
  #change: Change = {};

  constructor(start: ChildMemberStart) {
    this.#start = start;
    this.name = start.name;
    this.role = start.role;
    this.machine = start.machine;
    this.#watch(this.#process);
  }

  get running(): boolean {
    return this.#process.running;
  }

  async pid(): Promise<number | undefined> {
    const { running, pid } = this.#process;
    return running ? pid : undefined;
  }

  async end(signal: NodeJS.Signals): Promise<boolean> {
    const process = this.#process;
    const { running } = process;
    process.kill(signal);
    await process.exited;
    return running;
  }

  async renew(change: Change): Promise<void> {
    this.#change = change;
    await this.end('SIGTERM');
    await this.start();
  }

  async start(): Promise<void> {
    const { cluster, name, role, say } = this.#start;
    const { env = {}, build } = this.#change;
    const options = { env, ...(build === undefined ? {} : { main: mainIn(build, role) }) };
    await again({ what: name, say, signal: this.#over.signal }, async () => {
      if (this.#process.running) return;
      const process =
        role === 'scheduler'
          ? await cluster.startScheduler({ name }, options)
          : await cluster.startNode({ name }, options);
      this.#watch(process);
    });
  }

  onExit(listener: (exit: Exit) => void): void {
    this.#listeners.push(listener);
  }

  /** Its log lies among the others. */
  async bringLog(): Promise<void> {}

  abandon(): void {
    this.#over.abort();
  }

  /** The one of that name that runs, else one that ran. */
  get #process(): Process {
    const { cluster, name } = this.#start;
    const all = [...cluster.schedulers, ...cluster.nodes].filter((one) => one.name === name);
    const found = all.find(({ running }) => running) ?? all[0];
    if (found === undefined) throw new Error(`${name} was never started`);
    return found;
  }

  #watch(process: Process): void {
    void process.exited.then((exit) => {
      for (const listener of this.#listeners) listener(exit);
    });
  }
}

/** Where the main module lies below the root of a build. */
export function mainIn(build: string, role: 'scheduler' | 'node'): string {
  return `${build}/${role === 'node' ? 'worker-node/host' : 'scheduler/server'}/dist/main.js`;
}
