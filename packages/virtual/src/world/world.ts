/**
 * Everything that the processes of one virtual cluster share, and nothing that one of them knows: time,
 * network, stores, chance. Who makes a world says besides what runs in its runners, who looks on, and
 * which deliberate fault is in it; without those it is a cluster like any other.
 */
import type { BundleHash, FromRunner, Manifest, Resources, ToRunner } from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { CheckpointServer } from '../store/checkpoint-server.ts';
import type { LeaseServer } from '../store/lease-server.ts';
import type { LogServer } from '../store/log-server.ts';
import type { ObjectServer } from '../store/object-server.ts';
import type { Requests } from '../store/requests.ts';
import type { Network } from './network.ts';
import type { Onlooker } from './onlooker.ts';
import type { Passage } from './passage.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export interface World {
  readonly cell: string;
  readonly timeline: Timeline;
  readonly timings: Timings;
  /** Chance of everything that happens. */
  readonly chance: Random;
  readonly network: Network;
  readonly requests: Requests;
  readonly logs: LogServer;
  readonly objects: ObjectServer;
  readonly checkpoints: CheckpointServer;
  readonly lease: LeaseServer;
  readonly trace: Trace | undefined;
  /** States that were reached, for whoever counts them. */
  readonly coverage: { reach(state: string): void };
  /** Moments that somebody may lie in wait for. */
  readonly moments: { tell(moment: string, host: string): void };
  readonly checks: Onlooker;
  readonly passage: Passage;
  /** The deliberate fault of this world, if any. */
  readonly mutant: string | undefined;
  readonly manifests: { of(bundle: BundleHash): Manifest };
  /** What a host offers. */
  site(host: string): Site;
  /** The share of its cpu that a node has in use; none unless given. */
  cpuShare?(counts: { readonly actors: number }): number;
  /** What runs user code in a runner process that has just started. */
  runner(start: RunnerStart): { hear(frame: ToRunner): void };
}

export interface Site {
  readonly resources: Resources;
  readonly labels: { readonly [name: string]: string };
}

export interface RunnerStart {
  readonly process: Process;
  /** Incarnation of its node. */
  readonly node: string;
  readonly bundle: BundleHash;
  readonly emit: (frame: FromRunner) => void;
  /** `callId`: whose doing it is. */
  readonly crash: (why: string, callId: string) => void;
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
  /** Of the last checkpoints, the share that are damaged when an actor is brought back by one and an older one
   *  leads to the same; none unless given. */
  readonly damagedShare?: number;
  /** Of states as large as this increments are written; as usual unless given. */
  readonly incrementBytesMin?: number;
  /** Clocks of no more actors are sent whole; as in `limits` unless given. */
  readonly wholeClockMax?: number;
  /** For how long versions are kept; as in `limits` unless given. */
  readonly versionsMs?: number;
  /** Off unless given. */
  readonly rebalance?: NonNullable<SchedulerConfig['rebalance']>;
  /** None unless given. */
  readonly autoscale?: NonNullable<SchedulerConfig['autoscale']>;
  /** Nothing is given up unless given. */
  readonly pressure?: NonNullable<SchedulerConfig['pressure']>;
  /** How long a gateway waits for a call beyond its deadline, and how much longer for a turn on a node that
   *  lives; what the simulation needs unless given. */
  readonly graceMs?: number;
  readonly turnMs?: number;
  /** A leader asks its lease before it appends; without, only the journal stops it. */
  readonly leaderLooksAtLease: boolean;
}
