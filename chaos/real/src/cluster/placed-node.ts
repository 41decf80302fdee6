/**
 * A node as an operator makes it: by a provider, on a machine of its own, as a process there or by
 * ssh. The provider's supervising shell starts it again when it ends.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Machine, Sshd } from '@troupe/chaos-faults';
import {
  type Created,
  type NodeSpec,
  type NodeStatus,
  processProvider,
  sshProvider,
} from '@troupe/providers';
import { again } from './again.ts';
import { mainIn } from './child-member.ts';
import { type Change, type Member, signal } from './member.ts';

export interface PlacedNodeStart {
  readonly name: string;
  readonly machine: Machine;
  /** Of the machine: all that is put there lies in it. */
  readonly folder: string;
  readonly logDir: string;
  /** By ssh where there is one, else as a process. */
  readonly sshd?: Sshd;
  readonly shared: NodeSpec['shared'];
  readonly node: NonNullable<NodeSpec['node']>;
  /** However it is changed. */
  readonly env: NonNullable<NodeSpec['env']>;
  readonly say: (line: string) => void;
}

/** Soon again, and never given up: it ends all the time. */
const restart = { pauseMs: 300, pauseMsMax: 1_000, steadyMs: 5_000, crashesMax: 10_000 };
const readyMsMax = 30_000;
const lookMs = 50;
const logLines = 50_000;

export class PlacedNode implements Member {
  readonly name: string;
  readonly role = 'node';
  readonly machine: Machine;
  readonly running = true;
  readonly #start: PlacedNodeStart;
  readonly #over = new AbortController();
  #change: Change = {};

  constructor(start: PlacedNodeStart) {
    this.#start = start;
    this.name = start.name;
    this.machine = start.machine;
  }

  /** How it is made: `process` or `ssh`. */
  get provider(): string {
    return this.#start.sshd === undefined ? 'process' : 'ssh';
  }

  async pid(): Promise<number | undefined> {
    const status = await this.#hand.describe(this.name);
    return status?.state.kind === 'running' ? status.state.pid : undefined;
  }

  async end(kind: NodeJS.Signals): Promise<boolean> {
    const pid = await this.pid();
    if (pid === undefined || !signal(pid, kind)) return false;
    while (existsSync(`/proc/${pid}`)) await pause(lookMs);
    return true;
  }

  /** A node that ends in order is left alone by its supervising shell, and made anew by `create`. */
  async renew(change: Change): Promise<void> {
    const { name, sshd, say } = this.#start;
    await again({ what: name, say, signal: this.#over.signal }, async () => {
      await sshd?.boot();
      for (;;) {
        const kind = (await this.#hand.describe(name))?.state.kind;
        if ((kind !== 'running' && kind !== 'waiting') || this.#over.signal.aborted) return;
        await this.end('SIGTERM');
        await pause(lookMs);
      }
    });
    this.#change = change;
    await this.start();
  }

  async start(): Promise<void> {
    const { name, sshd, say } = this.#start;
    await again({ what: name, say, signal: this.#over.signal }, async () => {
      await sshd?.boot();
      for (;;) {
        const { state } = await this.#create();
        const welcome = state.kind === 'running' && state.incarnation !== undefined;
        if ((welcome && state.supervised) || this.#over.signal.aborted) return;
        await pause(lookMs);
      }
    });
  }

  /** Its supervising shell sees to that. */
  onExit(): void {}

  async bringLog(): Promise<void> {
    const text = await this.#hand.logs(this.name, logLines);
    writeFileSync(join(this.#start.logDir, `${this.name}.log`), text);
  }

  abandon(): void {
    this.#over.abort();
  }

  async #create(): Promise<Created> {
    const { name, shared, node, sshd, folder } = this.#start;
    const env = { ...this.#start.env, ...this.#change.env };
    const spec = { name, shared, node, env, restart, readyMsMax };
    if (sshd === undefined) return this.#process.create(spec);
    const { target, keyFile, fingerprint } = sshd;
    const program = process.execPath;
    const there = { target, keyFile, trust: { fingerprint }, folder: join(folder, 'far'), program };
    return this.#ssh.create({ ...spec, ...there });
  }

  get #hand(): {
    describe(name: string): Promise<NodeStatus | undefined>;
    logs(name: string, lines: number): Promise<string>;
  } {
    return this.#start.sshd === undefined ? this.#process : this.#ssh;
  }

  get #process() {
    const { folder, machine } = this.#start;
    const stateDir = join(folder, 'near');
    return processProvider({ stateDir, prefix: machine.prefix, ...this.#main });
  }

  get #ssh() {
    return sshProvider({ stateDir: join(this.#start.folder, 'records'), ...this.#main });
  }

  get #main(): { readonly main?: string } {
    const { build } = this.#change;
    return build === undefined ? {} : { main: mainIn(build, 'node') };
  }
}
