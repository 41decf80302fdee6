/** A member of etcd, or a NATS server. */
import type { Machine } from '@troupe/chaos-faults';
import type { Exit } from '@troupe/cli';
import type { Server } from '@troupe/fabric/servers';
import { again } from './again.ts';
import type { Member } from './member.ts';

/** As whatever keeps a service running does: who has not ended in order by then is killed. */
const endMsMax = 20_000;

export class ServerMember implements Member {
  readonly name: string;
  readonly role: 'etcd' | 'nats';
  readonly machine: Machine | undefined;
  readonly server: Server;
  readonly #say: (line: string) => void;
  readonly #listeners: ((exit: Exit) => void)[] = [];
  readonly #over = new AbortController();

  constructor(
    given: Pick<Member, 'name' | 'machine'> & { readonly role: 'etcd' | 'nats' },
    server: Server,
    say: (line: string) => void,
  ) {
    this.name = given.name;
    this.role = given.role;
    this.machine = given.machine;
    this.server = server;
    this.#say = say;
    this.#watch();
  }

  get running(): boolean {
    return this.server.running;
  }

  async pid(): Promise<number | undefined> {
    return this.server.running ? this.server.pid : undefined;
  }

  async end(signal: NodeJS.Signals): Promise<boolean> {
    const { server } = this;
    const { running } = server;
    server.kill(signal);
    const late = setTimeout(() => {
      this.#say(`${this.name} did not end within ${endMsMax / 1_000} s of ${signal}: it is killed`);
      server.kill('SIGKILL');
    }, endMsMax);
    await server.exited;
    clearTimeout(late);
    return running;
  }

  /** There is one build of it, and its environment says nothing to it. */
  async renew(): Promise<void> {
    await this.end('SIGTERM');
    await this.start();
  }

  async start(): Promise<void> {
    const trying = { what: this.name, say: this.#say, signal: this.#over.signal };
    await again(trying, async () => {
      if (this.server.running) return;
      await this.server.restart();
      this.#watch();
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

  #watch(): void {
    void this.server.exited.then((exit) => {
      for (const listener of this.#listeners) listener(exit);
    });
  }
}
