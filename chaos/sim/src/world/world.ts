/** Everything that the processes of one run share, and nothing that one of them knows. */
import type { Workflow } from '@troupe/model';
import { Checks, type CheckWishes } from '../checkers/checks.ts';
import type { MutantName } from '../mutants/mutants.ts';
import { Manifests } from '../plan/bundles.ts';
import type { Scene } from '../plan/scene.ts';
import { schedulerConfig } from '../scheduler/config.ts';
import { CheckpointServer } from '../store/checkpoint-server.ts';
import { LeaseServer } from '../store/lease-server.ts';
import { LogServer } from '../store/log-server.ts';
import { ObjectServer } from '../store/object-server.ts';
import { Requests } from '../store/requests.ts';
import { Coverage } from './coverage.ts';
import { Moments } from './moments.ts';
import { Network, type Weather } from './network.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';

export interface WorldPlan {
  readonly seed: number;
  readonly weather: Weather;
  readonly timings: Timings;
  readonly nests?: readonly Workflow[];
  readonly scene?: Scene | undefined;
  readonly scope?: string | undefined;
}

export interface WorldWishes extends CheckWishes {
  readonly mutant?: MutantName | undefined;
  readonly traced?: boolean | undefined;
}

export class World {
  readonly timeline = new Timeline();
  readonly coverage = new Coverage();
  readonly moments = new Moments();
  /** Crashes of runners under a piece of work, by its call id. */
  readonly crashes = new Map<string, number>();
  readonly timings: Timings;
  /** Chance of everything that happens; plans are drawn from another stream. */
  readonly chance: Random;
  /** The deliberate fault of this run, if any. */
  readonly mutant: MutantName | undefined;
  readonly trace: Trace | undefined;
  readonly manifests: Manifests;
  readonly scene: Scene | undefined;
  /** Of every actor that a client calls into being. */
  readonly scope: string | undefined;
  readonly checks: Checks;
  readonly network: Network;
  readonly requests: Requests;
  readonly logs: LogServer;
  readonly objects: ObjectServer;
  readonly checkpoints: CheckpointServer;
  readonly lease: LeaseServer;

  constructor(
    { seed, weather, timings, nests = [], scene, scope }: WorldPlan,
    wishes: WorldWishes,
  ) {
    const { mutant, traced, ...checked } = wishes;
    this.timings = timings;
    this.chance = new Random(seed).fork('world');
    this.mutant = mutant;
    this.trace = traced === true ? new Trace(this.timeline) : undefined;
    this.scene = scene;
    this.scope = scope;
    this.manifests = new Manifests(nests, scene?.tasks);
    const now = (): number => this.timeline.now;
    const { coverage } = this;
    this.checks = new Checks(schedulerConfig(timings), {
      coverage,
      now,
      manifests: this.manifests,
      scene,
      ...checked,
    });
    this.network = new Network(this, { ...weather });
    this.requests = new Requests(this);
    this.logs = new LogServer(this);
    this.objects = new ObjectServer(this);
    this.checkpoints = new CheckpointServer(this);
    this.lease = new LeaseServer(this);
  }
}

/** What a configuration file would hold. */
export interface Timings {
  readonly heartbeatMs: number;
  readonly nodeSilenceMs: number;
  readonly probeMs: number;
  readonly resendMs: number;
  readonly leaseMs: number;
  readonly checkpointTurns: number;
  readonly checkpointMs: number;
  readonly idleMs: number;
  readonly rebaseMs: number;
  readonly runners: number;
  readonly imageEveryFacts: number;
  readonly drainMs: number;
  /** Nodes count their log bytes so many times over, so that small runs reach the limits. */
  readonly bytesFactor: number;
  /** A leader asks its lease before it appends; without, only the journal stops it. */
  readonly leaderLooksAtLease: boolean;
}
