/** The processes of a test cluster, by the names of their hosts: started, killed, frozen, cut off. */
import { type Incarnation, incarnation, troupeError } from '@troupe/model';
import { type Host, Node, Process, Scheduler, schedulerConfig } from '@troupe/virtual';
import type { TestWorld } from './test-world.ts';

export interface ProcessesStart {
  readonly world: TestWorld;
  readonly nodes: number;
  readonly schedulers: number;
  /** By which its wall clocks are off from those of the world. */
  readonly wallOffset: number;
  /** A process has died, or cannot be reached any more. */
  changed(): void;
}

/** A node that was fenced is started again after so long, as whoever looks after it would. */
const restartMs = 1_000;
/** How long the news of a closed connection takes. */
const noticeMsMax = 30;

export class Processes {
  readonly nodes = new Map<string, Node>();
  readonly schedulers = new Map<string, Scheduler>();
  readonly #start: ProcessesStart;
  readonly #hosts = new Map<string, Host>();
  #starts = 0;

  constructor(start: ProcessesStart) {
    this.#start = start;
    const { world } = start;
    for (let at = 1; at <= start.schedulers; at++) this.#host(`scheduler-${at}`);
    for (let at = 1; at <= start.nodes; at++) this.#host(`node-${at}`);
    for (const name of this.#hosts.keys()) {
      world.timeline.after(world.chance.next() * 10, () => this.#begin(name));
    }
  }

  get names(): readonly string[] {
    return [...this.#hosts.keys()];
  }

  get leader(): Scheduler | undefined {
    for (const scheduler of this.schedulers.values()) {
      if (scheduler.process.alive && scheduler.believes) return scheduler;
    }
    return undefined;
  }

  /** Each has what it needs to serve. */
  get ready(): boolean {
    const { nodes, schedulers } = this.#start;
    const all = this.nodes.size === nodes && this.schedulers.size === schedulers;
    return all && this.leader !== undefined && [...this.nodes.values()].every((one) => one.serving);
  }

  /** Some process stands still. */
  get still(): boolean {
    return this.names.some((name) => this.process(name)?.still === true);
  }

  process(name: string): Process | undefined {
    return (this.nodes.get(name) ?? this.schedulers.get(name))?.process;
  }

  /** A host and a process for a client. */
  client(name: string): Process {
    return new Process(this.#start.world, this.#newHost(name), name);
  }

  crash(name: string): void {
    const host = this.#living(name);
    const node = this.nodes.get(host);
    const process = this.process(host);
    this.#start.world.trace?.say(process?.name ?? host, 'is killed');
    node?.crash();
    process?.end();
    this.#notice(node?.incarnation ?? host);
    this.#start.changed();
  }

  /** Kills what runs user code on a node, and nothing else of it. */
  crashRunners(name: string): void {
    const { pool } = this.#nodeNamed(name);
    while (pool.size > 0) pool.crashOne();
  }

  freeze(name: string): void {
    this.process(this.#living(name))?.stop();
  }

  thaw(name: string): void {
    const host = this.#living(name);
    const process = this.process(host);
    process?.goOn();
    const scheduler = this.schedulers.get(host);
    if (scheduler !== undefined) process?.soon(() => scheduler.backAfterSilence());
  }

  restart(name: string): void {
    const host = this.#named(name);
    if (this.process(host)?.alive === true) {
      throw troupeError('WRONG_STATE', `${host} runs: crash it first`, { process: host });
    }
    this.#begin(host);
  }

  end(): void {
    for (const node of this.nodes.values()) node.crash();
    for (const { process } of this.schedulers.values()) process.end();
  }

  /** The host of this name; `scheduler` is the one that leads. */
  #named(name: string): string {
    if (name === 'scheduler') {
      const { leader } = this;
      if (leader !== undefined) return leader.process.host.name;
      throw troupeError('WRONG_STATE', 'no scheduler leads now: advance, then try again');
    }
    if (this.#hosts.has(name)) return name;
    const text = `there is no ${name}, but scheduler, ${this.names.join(', ')}`;
    throw troupeError('INVALID_ARGUMENT', text, { process: name });
  }

  checkedNames(names: readonly string[]): readonly string[] {
    return names.map((name) => this.#named(name));
  }

  #living(name: string): string {
    const host = this.#named(name);
    if (this.process(host)?.alive === true) return host;
    throw troupeError('WRONG_STATE', `${host} does not run: restart it first`, { process: host });
  }

  #nodeNamed(name: string): Node {
    const node = this.nodes.get(this.#living(name));
    if (node !== undefined) return node;
    throw troupeError('INVALID_ARGUMENT', `${name} is no node, and has no runners`);
  }

  #begin(name: string): void {
    if (name.startsWith('node-')) this.#beginNode(name);
    else this.#beginScheduler(name);
  }

  #beginNode(name: string): void {
    const { world } = this.#start;
    this.#starts += 1;
    const id = incarnation(`${name}.${this.#starts.toString(36).padStart(8, 'a')}`);
    world.trace?.say(id, 'starts');
    const process = new Process(world, this.#host(name), id);
    const node = new Node({
      world,
      process,
      incarnation: id,
      ended: (end) => {
        this.#start.changed();
        if (end === 'left' || this.nodes.get(name) !== node) return;
        world.timeline.after(restartMs, () => {
          if (this.nodes.get(name) === node) this.#beginNode(name);
        });
      },
    });
    this.nodes.set(name, node);
  }

  #beginScheduler(name: string): void {
    const { world } = this.#start;
    this.#starts += 1;
    const process = new Process(world, this.#host(name), `${name}~${this.#starts}`);
    world.trace?.say(process.name, 'starts');
    this.schedulers.set(name, new Scheduler(world, process, schedulerConfig(world)));
  }

  /** The broker tells every scheduler that this connection has closed. */
  #notice(name: Incarnation | string): void {
    const { timeline, chance } = this.#start.world;
    for (const scheduler of this.schedulers.values()) {
      timeline.after(chance.spread(1, noticeMsMax), () =>
        scheduler.process.run(() => scheduler.notice(name)),
      );
    }
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const host = this.#newHost(name);
    this.#hosts.set(name, host);
    return host;
  }

  #newHost(name: string): Host {
    const { wallOffset } = this.#start;
    return { name, rate: 1, wallOffset, suspendedMs: 0, newer: false };
  }
}
