/** What a test says of its cluster. */
import { troupeError } from '@troupe/model';
import type { Timings } from '@troupe/virtual';

/** Exports of a module, or an object of definitions: what is deployed. */
export interface Exports {
  readonly [name: string]: unknown;
}

/** How badly messages and requests to the stores fare. Shares are between 0 and 1. */
export interface Weather {
  /** Milliseconds that a message travels. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  readonly loss: number;
  readonly double: number;
  readonly reorder: number;
  readonly storeLoss: number;
  readonly storeMsMax: number;
}

export interface ClusterOptions {
  /** What is deployed at the start, for the tenant `default`. */
  readonly bundle?: Exports;
  /** How many nodes there are: `node-1` and so on; 3 unless given. */
  readonly nodes?: number;
  /** How many schedulers: `scheduler-1` and so on; one leads. 2 unless given. */
  readonly schedulers?: number;
  /** The same seed gives the same run, as long as user code does the same; 1 unless given. */
  readonly seed?: number;
  /** Messages are lost, doubled, late and out of order, by the seed. */
  readonly chaos?: boolean | Partial<Weather>;
  /** What each node offers; 4 cores and 4,096 MiB unless given. */
  readonly resources?: { readonly [name: string]: number };
  /** What references such as `secret:env:KEY` stand for on every node. */
  readonly secrets?: { readonly [reference: string]: string };
  /** Labels by node. */
  readonly labels?: { readonly [node: string]: { readonly [name: string]: string } };
  /** Wall-clock time at the start, ms since the epoch; timestamps in views go by it. */
  readonly startAt?: number;
  /** What a configuration file would say, such as `idleMs` or `checkpointTurns`. */
  readonly timings?: Partial<Timings>;
  /** Real milliseconds for which `advance` waits for user code that is at work outside; 1,000. */
  readonly patienceMs?: number;
  /** Keeps what happened, for `trace()`. */
  readonly trace?: boolean;
}

/** As of `connect`, without an address. */
export interface ConnectOptions {
  readonly tenant?: string;
  readonly deadlineMs?: number;
}

export const timingsUsual: Timings = {
  heartbeatMs: 1_000,
  nodeSilenceMs: 3_000,
  probeMs: 300,
  resendMs: 1_000,
  leaseMs: 3_000,
  checkpointTurns: 1_000,
  checkpointMs: 60_000,
  // Sooner than on a real node, where memory is cheaper than a test is long.
  idleMs: 60_000,
  rebaseMs: 2_000,
  runners: 2,
  imageEveryFacts: 20_000,
  drainMs: 30_000,
  graceMs: 30_000,
  // A turn ends by its own limit, which its type may set.
  turnMs: 86_400_000,
  bytesFactor: 1,
  leaderLooksAtLease: true,
};

const fair: Weather = {
  delayMsMin: 0.2,
  delayMsMax: 1,
  loss: 0,
  double: 0,
  reorder: 0,
  storeLoss: 0,
  storeMsMax: 1,
};

const foul: Weather = {
  delayMsMin: 0.2,
  delayMsMax: 20,
  loss: 0.03,
  double: 0.03,
  reorder: 0.05,
  storeLoss: 0.01,
  storeMsMax: 10,
};

export function weatherOf(chaos: ClusterOptions['chaos'] = false): Weather {
  if (typeof chaos === 'boolean') return chaos ? foul : fair;
  return { ...fair, ...chaos };
}

const processesMax = 64;

export function checkedCount(what: string, count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= processesMax) return count;
  const text = `${what} is ${count}; it must be a whole number from 1 to ${processesMax}`;
  throw troupeError('INVALID_ARGUMENT', text, { argument: what });
}
