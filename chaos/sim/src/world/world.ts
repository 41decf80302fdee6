/** The world of one simulated run: watched by the checkers, with the fault of the run in its passages. */
import type { Workflow } from '@troupe/model';
import {
  CheckpointServer,
  LeaseServer,
  LogServer,
  Network,
  ObjectServer,
  type Passage,
  Random,
  Requests,
  type RunnerStart,
  type Site,
  schedulerConfig,
  Timeline,
  type Timings,
  Trace,
  type World as VirtualWorld,
  type Weather,
} from '@troupe/virtual';
import { Checks, type CheckWishes } from '../checkers/checks.ts';
import type { MutantName } from '../mutants/mutants.ts';
import { spoiltPassage } from '../mutants/spoilt-passage.ts';
import { Runner } from '../node/runner.ts';
import { Manifests } from '../plan/bundles.ts';
import { type Scene, siteOf } from '../plan/scene.ts';

import { Coverage } from './coverage.ts';
import { Moments } from './moments.ts';

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

/** Actors in memory with which a node has nothing left. */
const actorsFull = 10;

export class World implements VirtualWorld {
  readonly cell = 'sim';
  readonly timeline = new Timeline();
  readonly coverage = new Coverage();
  readonly moments = new Moments();
  /** Crashes of runners under a piece of work, by its call id. */
  readonly crashes = new Map<string, number>();
  /** How often programs have failed that fail a few times. */
  readonly balked = new Map<string, number>();
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
  readonly passage: Passage = spoiltPassage(this);
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
    this.checks = new Checks(schedulerConfig(this), {
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
  site(host: string): Site {
    return siteOf(this.scene, host);
  }

  /** Actors are all the load that there is. */
  cpuShare({ actors }: { readonly actors: number }): number {
    return Math.min(1, actors / actorsFull);
  }

  runner(start: RunnerStart): Runner {
    return new Runner({ world: this, ...start });
  }
}
