/**
 * A cluster in the process of a test. Everything in it is what a real one runs, but for the processes,
 * the network, the stores and the clocks, which are virtual.
 */
import {
  type Answer,
  failure,
  nodeNameOf,
  type RequestBody,
  TroupeError,
  tenantName,
  troupeError,
} from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import { connectTo } from '@troupe/sdk/door';
import type { Process } from '@troupe/virtual';
import { type Duration, millisecondsOf } from './duration.ts';
import { type ClusterOptions, type ConnectOptions, checkedCount, type Exports } from './options.ts';
import { Processes } from './processes.ts';
import { Pump } from './pump.ts';
import { TestDoor } from './test-door.ts';
import { TestPlatform } from './test-platform.ts';
import { TestWorld } from './test-world.ts';

const nodesUsual = 3;
const schedulersUsual = 2;
const patienceMsUsual = 1_000;
/** How long a start may take of virtual time. */
const startMs = 60_000;
const againMs = 100;
const triesMax = 300;
/** So long after a fault the cluster is not calm: it may not have noticed yet. */
const calmAfterMs = 60_000;
/** What the wall clocks of virtual hosts show at the start. */
const epoch = 1_700_000_000_000;

/** Somebody who asks something of the cluster. */
interface Client {
  readonly doors: readonly TestDoor[];
  readonly platform: TestPlatform;
  readonly process: Process;
}

export class TestCluster {
  readonly #world: TestWorld;
  readonly #processes: Processes;
  readonly #pump: Pump;
  readonly #clients: Client[] = [];
  readonly #operator: Client;
  readonly #names: readonly string[];
  readonly #cuts: (() => void)[] = [];
  #calmFrom = 0;
  #stopped = false;

  private constructor(options: ClusterOptions) {
    const { nodes = nodesUsual, schedulers = schedulersUsual } = options;
    const world = new TestWorld(options, () => this.#pump.happened());
    this.#world = world;
    this.#processes = new Processes({
      world,
      nodes: checkedCount('nodes', nodes),
      schedulers: checkedCount('schedulers', schedulers),
      wallOffset: (options.startAt ?? epoch) - epoch,
      changed: () => {
        this.#disturb();
        this.#lookAtDoors();
      },
    });
    this.#names = this.#processes.names.filter((name) => name.startsWith('scheduler-'));
    this.#pump = new Pump(
      {
        timeline: world.timeline,
        engaged: () => world.engaged,
        awaited: () => this.#clients.some(isWaiting),
        calmUntil: () => this.#calmUntil(),
        leap: (to) => this.#leap(to),
        leapMsMin: Math.max(10_000, 4 * world.timings.nodeSilenceMs),
        failed: (reason) => world.checks.bug('the test cluster', reason),
        broken: () => this.#broken(),
      },
      options.patienceMs ?? patienceMsUsual,
    );
    this.#operator = this.#client('operator');
  }

  /** Starts a cluster; it serves when the promise is fulfilled. */
  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(options);
    const { timeline } = cluster.#world;
    const processes = cluster.#processes;
    await cluster.#pump.until(() => processes.ready, timeline.now + startMs);
    if (!processes.ready) {
      const text = `the test cluster did not serve after ${startMs} virtual ms`;
      throw troupeError('INTERNAL', `${text}: look at its timings and its weather`);
    }
    if (options.bundle !== undefined) await cluster.deploy(options.bundle);
    return cluster;
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#world.timeline.now;
  }

  /** Wall-clock time of the cluster, ms since the epoch. */
  get wall(): number {
    return this.#operator.process.wall();
  }

  /** A client, as `connect` gives it. */
  connect({ tenant, deadlineMs }: ConnectOptions = {}): Troupe {
    this.#checkRunning();
    const { doors, platform } = this.#client(`client-${this.#clients.length}`);
    return connectTo(doors, platform, {
      ...(tenant === undefined ? {} : { tenant }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
  }

  /** Deploys definitions, for a tenant that comes to be when it is not there; answers with the hash. */
  async deploy(exports: Exports, { tenant = 'default' }: ConnectOptions = {}): Promise<string> {
    this.#checkRunning();
    const { bundle, manifest } = this.#world.add(exports);
    if (tenant !== 'default') await this.#ask({ kind: 'put-tenant', tenant: tenantName(tenant) });
    const deployed = { tenant: tenantName(tenant), bundle, manifest, bytes: 1 };
    await this.#ask({ kind: 'deploy', ...deployed });
    return bundle;
  }

  /** Lets so much virtual time pass: `advance('3d')`. What falls due in it happens at its time. */
  async advance(duration: Duration): Promise<void> {
    this.#checkRunning();
    await this.#pump.advance(millisecondsOf(duration));
  }

  /** The node on which an actor lives, or lived last. */
  async whereIs(actor: string | { readonly name: string }, key: string, tenant = 'default') {
    const type = typeof actor === 'string' ? actor : actor.name;
    const asked = { kind: 'list-actors', tenant: tenantName(tenant), type, prefix: key } as const;
    const answer = await this.#ask({ ...asked, limit: 1_000 });
    const id = `${tenant}/${type}/${key}`;
    const found =
      answer.kind === 'actors' ? answer.actors.find((one) => one.actor === id) : undefined;
    if (found !== undefined) return nodeNameOf(found.node);
    throw troupeError('GONE', `there is no actor ${type}/${key} yet: call it first`, { actor: id });
  }

  /** Kills a process without a word: `node-2`, `scheduler-1`, or `scheduler` for the one that leads. */
  async crash(name: string): Promise<void> {
    this.#fault(() => this.#processes.crash(name));
  }

  /** Kills what runs user code on a node. The node starts it anew. */
  async crashRunners(node: string): Promise<void> {
    this.#fault(() => this.#processes.crashRunners(node));
  }

  /** Starts a process that was killed or has left. */
  async restart(name: string): Promise<void> {
    this.#fault(() => this.#processes.restart(name));
  }

  /** A process stands still, as by SIGSTOP, until `thaw`. */
  async freeze(name: string): Promise<void> {
    this.#fault(() => this.#processes.freeze(name));
  }

  async thaw(name: string): Promise<void> {
    this.#fault(() => this.#processes.thaw(name));
  }

  /** Nothing gets from the one side to the other until `heal`. Without another side these processes are
   *  cut off from everybody: from the rest, from the stores and from clients. */
  async partition(side: readonly string[], other?: readonly string[]): Promise<void> {
    this.#fault(() => {
      const left = new Set(this.#processes.checkedNames(side));
      const right = other === undefined ? undefined : new Set(this.#processes.checkedNames(other));
      const isOther = (name: string): boolean => right?.has(name) ?? !left.has(name);
      const cut = this.#world.network.cut(
        (from, to) => (left.has(from) && isOther(to)) || (left.has(to) && isOther(from)),
      );
      this.#cuts.push(cut);
    });
    this.#lookAtDoors();
  }

  /** Ends all partitions. */
  async heal(): Promise<void> {
    this.#fault(() => {
      for (const cut of this.#cuts.splice(0)) cut();
    });
  }

  /** What happened, line by line, when the cluster was started with `trace`. */
  trace(): readonly string[] {
    const { trace } = this.#world;
    if (trace !== undefined) return trace.lines;
    throw troupeError('WRONG_STATE', 'nothing was noted: start the cluster with `trace: true`');
  }

  /** Ends it. What still waits for an answer gets an error. Fails when the cluster itself had failed. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const text = `the test cluster was stopped ${Math.round(this.now)} ms after its start`;
    this.#refuseAll(failure('WRONG_STATE', text));
    this.#pump.end();
    this.#processes.end();
    const { bug } = this.#world;
    if (bug !== undefined) throw asInternal(bug);
  }

  async #ask(body: RequestBody): Promise<Answer> {
    this.#checkRunning();
    for (let tries = 0; ; tries++) {
      const { doors, platform } = this.#operator;
      const door = doors.find(({ isOpen }) => isOpen) ?? doors[0];
      try {
        if (door === undefined) throw troupeError('UNAVAILABLE', 'there is no scheduler');
        return await door.ask(body);
      } catch (thrown) {
        const again = thrown instanceof TroupeError && thrown.retryable;
        if (!again || tries >= triesMax) throw thrown;
      }
      await new Promise<void>((go) => platform.after(againMs, go));
    }
  }

  #client(name: string): Client {
    const { network } = this.#world;
    const process = this.#processes.client(name);
    const platform = new TestPlatform(process, this.#world.chance.fork(name), () =>
      this.#pump.poke(),
    );
    const doors = this.#names.map((host) => {
      const isReached = (): boolean => network.reaches(name, host) && network.reaches(host, name);
      return new TestDoor({
        world: this.#world,
        process,
        host,
        isOpen: () => this.#processes.process(host)?.alive === true && isReached(),
        happened: () => this.#pump.happened(),
      });
    });
    const client = { doors, platform, process };
    this.#clients.push(client);
    return client;
  }

  #fault(strike: () => void): void {
    this.#checkRunning();
    strike();
    this.#disturb();
    this.#pump.happened();
  }

  #disturb(): void {
    this.#calmFrom = this.now + calmAfterMs;
  }

  /** Whoever was connected to what is not there any more finds out. */
  #lookAtDoors(): void {
    for (const { doors } of this.#clients) {
      for (const door of doors) if (!door.isOpen) door.broken();
    }
    this.#pump.poke();
  }

  #calmUntil(): number | undefined {
    const { timeline, network } = this.#world;
    const { loss, double, reorder, storeLoss } = network.weather;
    const isFoul = loss + double + reorder + storeLoss > 0;
    const isDisturbed = timeline.now < this.#calmFrom;
    if (isFoul || isDisturbed || this.#cuts.length > 0 || this.#processes.still) return undefined;
    const { leader, schedulers } = this.#processes;
    if (leader === undefined) return undefined;
    for (const { gateway, process } of schedulers.values()) {
      if (process.alive && gateway.openCalls > 0) return undefined;
    }
    const due = leader.dueAt ?? Number.POSITIVE_INFINITY;
    return Math.min(due, timeline.nextBesideRoutine ?? Number.POSITIVE_INFINITY);
  }

  #leap(to: number): void {
    const { timeline, lease, trace } = this.#world;
    const ms = to - timeline.now;
    trace?.say('*', `nothing happens for ${ms} ms`);
    timeline.leap(to);
    lease.leapt(ms);
    for (const scheduler of this.#processes.schedulers.values()) {
      if (scheduler.process.alive) scheduler.leapt(ms);
    }
  }

  #broken(): Error | undefined {
    const { bug } = this.#world;
    if (bug === undefined) return undefined;
    const reason = asInternal(bug);
    this.#refuseAll(reason.toFailure());
    return reason;
  }

  #refuseAll(reason: ReturnType<typeof failure>): void {
    for (const { doors } of this.#clients) for (const door of doors) door.refuse(reason);
  }

  #checkRunning(): void {
    const broken = this.#broken();
    if (broken !== undefined) throw broken;
    if (this.#stopped) throw troupeError('WRONG_STATE', 'this test cluster was stopped');
  }
}

function isWaiting({ doors, platform }: Client): boolean {
  return platform.waits || doors.some(({ waits }) => waits);
}

function asInternal(bug: Error): TroupeError {
  return troupeError('INTERNAL', `the test cluster failed: ${bug.message}`, {}, bug);
}
