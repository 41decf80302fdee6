/**
 * A whole cluster on this machine as child processes: etcd, nats-server, schedulers and nodes. Used
 * by `troupe up`, tests, examples and the benchmark.
 *
 * S1  after `stop`, or a start that failed, no process of the cluster runs and a temporary data
 *     folder is gone.
 * S2  a process started again under its name takes its old place in the list.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startChild } from './child.ts';
import { type Guard, startGuard } from './guard.ts';
import { heapFlags } from './heap-flag.ts';
import { mainOf } from './mains.ts';
import type {
  Cluster,
  ClusterOptions,
  NodeConfig,
  Process,
  ProcessStart,
  SchedulerConfig,
} from './options.ts';
import { givenServers, type Servers, startServers } from './servers.ts';

/** A slow machine that starts many at once still makes it. */
const startMsMaxDefault = 60_000;
/**
 * How long a process may take to stop in order before it is told to stop at once. Short, since
 * where all nodes stop there is nobody to hand an actor over to; what is durable stays so.
 */
const orderlyMsMax = 2_000;
/** After so long it is killed. */
const stopMsMax = 5_000;

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const temporary = options.dataDir === undefined;
  const dataDir = temporary
    ? mkdtempSync(join(tmpdir(), 'troupe-'))
    : resolve(options.dataDir ?? '.');
  mkdirSync(dataDir, { recursive: true });
  const cluster = new LocalCluster(options, dataDir, temporary);
  try {
    await cluster.start();
    return cluster;
  } catch (cause) {
    await cluster.stop();
    throw cause;
  }
}

type Section = 'node' | 'scheduler';

class LocalCluster implements Cluster {
  readonly cell: string;
  readonly dataDir: string;
  readonly #options: ClusterOptions;
  readonly #temporary: boolean;
  readonly #logDir: string;
  readonly #guard: Guard = startGuard();
  readonly #started: { [S in Section]: Process[] } = { node: [], scheduler: [] };
  readonly #abandon = new AbortController();
  readonly #starting = new Set<Promise<unknown>>();
  #servers: Servers | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ClusterOptions, dataDir: string, temporary: boolean) {
    this.#options = options;
    this.cell = options.cell ?? 'default';
    this.dataDir = dataDir;
    this.#temporary = temporary;
    this.#logDir = resolve(options.logDir ?? join(dataDir, 'logs'));
    mkdirSync(this.#logDir, { recursive: true });
  }

  async start(): Promise<void> {
    const { servers } = this.#options;
    this.#servers =
      servers === undefined
        ? await startServers({
            dataDir: this.dataDir,
            logDir: this.#logDir,
            guard: this.#guard,
            ...(this.#options.host === undefined ? {} : { host: this.#options.host }),
            onProgress: (line) => this.#say(line),
          })
        : givenServers(servers);
    const schedulers = namesOf('s', this.#options.schedulers ?? 1);
    const nodes = namesOf('n', this.#options.nodes ?? 3);
    // All at once: nodes wait for a leader by themselves. The first failure ends the start.
    await Promise.all([
      ...schedulers.map((name, index) =>
        this.#startOne('scheduler', {
          ...(index === 0 && this.#options.address !== undefined
            ? { listen: this.#options.address }
            : {}),
          ...configOf(this.#options.schedulerConfig, name),
          name,
        }),
      ),
      ...nodes.map((name) =>
        this.#startOne('node', { ...configOf(this.#options.nodeConfig, name), name }),
      ),
    ]);
  }

  get address(): string {
    return this.addresses[0] ?? '';
  }

  get addresses(): readonly string[] {
    return this.schedulers.map((scheduler) => scheduler.address ?? '');
  }

  get servers(): Servers {
    if (this.#servers === undefined) throw new Error('the servers have not been started');
    return this.#servers;
  }

  get schedulers(): readonly Process[] {
    return this.#started.scheduler;
  }

  get nodes(): readonly Process[] {
    return this.#started.node;
  }

  startNode(config: NodeConfig = {}, options: ProcessStart = {}): Promise<Process> {
    const name = config.name ?? freeName('n', this.nodes);
    const whole = { ...configOf(this.#options.nodeConfig, name), ...config, name };
    return this.#startOne('node', whole, options);
  }

  startScheduler(config: SchedulerConfig = {}, options: ProcessStart = {}): Promise<Process> {
    const name = config.name ?? freeName('s', this.schedulers);
    const whole = { ...configOf(this.#options.schedulerConfig, name), ...config, name };
    return this.#startOne('scheduler', whole, options);
  }

  async restart(
    server: 'etcd' | 'nats',
    options: { readonly signal?: NodeJS.Signals } = {},
  ): Promise<void> {
    await this.servers.restart(server, options.signal ?? 'SIGTERM');
  }

  get shared(): { readonly [key: string]: unknown } {
    const { etcd, nats } = this.servers;
    const { url, urls, user, password, systemUser, systemPassword } = nats;
    return {
      cell: this.cell,
      etcd: etcd.urls ?? [etcd.url],
      // What is absent drops out of the file.
      nats: { servers: urls ?? [url], user, password, systemUser, systemPassword },
      ...(this.#options.replicas === undefined ? {} : { replicas: this.#options.replicas }),
      ...this.#options.shared,
    };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #startOne(
    kind: Section,
    given: NodeConfig & SchedulerConfig & { readonly name: string },
    { env = {}, prefix = this.#options.prefix?.[given.name] ?? [], main }: ProcessStart = {},
  ): Promise<Process> {
    const { name } = given;
    const dir = join(this.dataDir, name);
    mkdirSync(dir, { recursive: true });
    const configFile = join(dir, 'config.json');
    const defaults = kind === 'node' ? { data: dir } : { listen: '127.0.0.1:0' };
    const config = { ...this.shared, [kind]: { ...defaults, ...given } };
    // It may hold passwords.
    writeFileSync(configFile, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    this.#say(`${kind} ${name} starts`);
    const environment = { ...this.#options.env?.[name], ...env };
    const options = environment['NODE_OPTIONS'] ?? globalThis.process.env['NODE_OPTIONS'];
    const { schedulers = 1 } = this.#options;
    const beginning = startChild({
      name,
      kind,
      main: main ?? mainOf(kind),
      flags: heapFlags({ kind, schedulers, options }),
      configFile,
      logFile: join(this.#logDir, `${name}.log`),
      env: environment,
      prefix,
      guard: this.#guard,
      startMsMax: this.#options.startMsMax ?? startMsMaxDefault,
      abandon: this.#abandon.signal,
    });
    const process = await this.#track(beginning);
    this.#place(this.#started[kind], process);
    this.#say(
      `${kind} ${name} is ready (${process.address ?? process.incarnation}, pid ${process.pid})`,
    );
    return process;
  }

  /** S1: `stop` gives up the starts under way and waits for that, so that none slips through. */
  async #track<T>(beginning: Promise<T>): Promise<T> {
    this.#starting.add(beginning);
    try {
      return await beginning;
    } finally {
      this.#starting.delete(beginning);
    }
  }

  /** S2. Names sort the list, since starts in parallel end in any order. */
  #place(list: Process[], process: Process): void {
    const old = list.findIndex((one) => one.name === process.name && !one.running);
    if (old >= 0) {
      list[old] = process;
      return;
    }
    list.push(process);
    list.sort((left, right) => left.name.localeCompare(right.name, 'en', { numeric: true }));
  }

  async #stop(): Promise<void> {
    this.#abandon.abort();
    await Promise.allSettled(this.#starting);
    await endAll(this.nodes);
    await endAll(this.schedulers);
    await this.#servers?.stop();
    this.#guard.close();
    if (this.#temporary) rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 3 });
  }

  #say(line: string): void {
    this.#options.onProgress?.(line);
  }
}

function namesOf(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
}

function freeName(letter: string, taken: readonly Process[]): string {
  const names = new Set(taken.map((one) => one.name));
  let number = 1;
  while (names.has(`${letter}${number}`)) number += 1;
  return `${letter}${number}`;
}

function configOf<C>(config: C | ((name: string) => C) | undefined, name: string): C | undefined {
  return config instanceof Function ? config(name) : config;
}

async function endAll(processes: readonly Process[]): Promise<void> {
  await Promise.all(processes.map((one) => end(one)));
}

async function end(process: Process): Promise<void> {
  if (!process.running) return;
  const timers = [
    setTimeout(() => process.kill('SIGTERM'), orderlyMsMax),
    setTimeout(() => process.kill('SIGKILL'), stopMsMax),
  ];
  process.kill('SIGTERM');
  // A frozen process takes the signal only when it goes on.
  process.kill('SIGCONT');
  await process.exited;
  for (const timer of timers) clearTimeout(timer);
}
