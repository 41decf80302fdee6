/** The world of one test cluster: nothing is spoilt in it, and a bug of a machine ends it. */
import { createHash } from 'node:crypto';
import {
  type BundleHash,
  bundleHash,
  emptyManifest,
  type Manifest,
  type ResolvedSecrets,
} from '@troupe/model';
import { type Definitions, definitionsOf } from '@troupe/sdk/internal';
import {
  CheckpointServer,
  LeaseServer,
  LogServer,
  Network,
  ObjectServer,
  type Onlooker,
  openPassage,
  Random,
  Requests,
  type RunnerStart,
  type Site,
  Timeline,
  type Timings,
  Trace,
  type World,
} from '@troupe/virtual';
import { type ClusterOptions, type Exports, timingsUsual, weatherOf } from './options.ts';
import { TestRunner } from './test-runner.ts';

const resourcesUsual = { cpu: 4, memory: 4_096 };

export class TestWorld implements World {
  readonly cell = 'test';
  readonly timeline = new Timeline();
  readonly timings: Timings;
  readonly chance: Random;
  readonly network: Network;
  readonly requests: Requests;
  readonly logs: LogServer;
  readonly objects: ObjectServer;
  readonly checkpoints: CheckpointServer;
  readonly lease: LeaseServer;
  readonly trace: Trace | undefined;
  readonly coverage = { reach: (): void => undefined };
  readonly moments = { tell: (): void => undefined };
  readonly passage = openPassage;
  readonly mutant = undefined;
  readonly manifests = { of: (bundle: BundleHash): Manifest => this.#manifestOf(bundle) };
  readonly checks: Onlooker;
  /** The first bug of a machine: nothing after it means anything. */
  bug: Error | undefined;
  /** Runners whose processes live. */
  readonly runners = new Set<TestRunner>();
  readonly #options: ClusterOptions;
  readonly #bundles = new Map<BundleHash, Definitions>();
  readonly #onUserCode: () => void;

  constructor(options: ClusterOptions, onUserCode: () => void) {
    this.#options = options;
    this.#onUserCode = onUserCode;
    this.timings = { ...timingsUsual, ...options.timings };
    this.chance = new Random(options.seed ?? 1).fork('test world');
    this.trace = options.trace === true ? new Trace(this.timeline) : undefined;
    this.checks = {
      bug: (process, reason) => {
        const text = reason instanceof Error ? reason.message : String(reason);
        this.bug ??= new Error(`${process}: ${text}`, { cause: reason });
      },
      unreadable: (_actor, node, text) => {
        this.bug ??= new Error(`${node}: ${text}`);
      },
      stored: nothing,
      sent: nothing,
      restored: nothing,
      crashed: nothing,
      obeyed: nothing,
      followed: nothing,
      testified: nothing,
      leads: nothing,
    };
    this.network = new Network(this, { ...weatherOf(options.chaos) });
    this.requests = new Requests(this);
    this.logs = new LogServer(this);
    this.objects = new ObjectServer(this);
    this.checkpoints = new CheckpointServer(this);
    this.lease = new LeaseServer(this);
  }

  /** User code is at work, or waits for what is outside of the cluster. */
  get engaged(): boolean {
    for (const runner of this.runners) if (runner.engaged) return true;
    return false;
  }

  /** The hash under which these definitions are deployed. */
  add(exports: Exports): { readonly bundle: BundleHash; readonly manifest: Manifest } {
    const definitions = definitionsOf(exports);
    const { manifest } = definitions;
    const named = `${this.#bundles.size} ${JSON.stringify(manifest)}`;
    const bundle = bundleHash(createHash('sha256').update(named).digest('hex'));
    this.#bundles.set(bundle, definitions);
    return { bundle, manifest };
  }

  site(host: string): Site {
    const { resources = resourcesUsual, labels = {} } = this.#options;
    return { resources, labels: labels[host] ?? {} };
  }

  runner(start: RunnerStart): TestRunner {
    const definitions = this.#bundles.get(start.bundle);
    if (definitions === undefined) throw new Error(`no bundle ${start.bundle}`);
    this.#forgetDead();
    const events = {
      onUserCode: this.#onUserCode,
      settles: () => this.timeline.settles(),
    };
    const secrets = secretsOf(this.#options.secrets);
    const runner = new TestRunner(definitions, start, events, secrets);
    this.runners.add(runner);
    return runner;
  }

  #forgetDead(): void {
    for (const runner of this.runners) if (!runner.alive) this.runners.delete(runner);
  }

  #manifestOf(bundle: BundleHash): Manifest {
    return this.#bundles.get(bundle)?.manifest ?? emptyManifest;
  }
}

function nothing(): void {}

function secretsOf(secrets: ClusterOptions['secrets'] = {}): ResolvedSecrets {
  const resolved = Object.entries(secrets).map(([reference, value]) => {
    return [reference, { ok: true, value }] as const;
  });
  return Object.fromEntries(resolved);
}
