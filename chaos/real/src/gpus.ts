/** The GPUs of the chaos suite: what each node has, what its tasks ask for of them, and what an attempt
 *  tells of itself. */

/** Of each node. */
export const gpusPerNode = 2;
/** A variable that tells user code the name of its node. */
export const nodeVariable = 'CHAOS_NODE';
export const sideLabel = 'side';

export type Side = 'left' | 'right';

/** Half of the cluster, by the number at the end of the node's name. */
export function sideOf(node: string): Side {
  return Number(/\d+$/.exec(node)?.[0]) % 2 === 1 ? 'left' : 'right';
}

/** What a node of that name is like: for its section of the configuration, and its environment. */
export function gpuNode(name: string) {
  return {
    section: {
      resources: { gpu: gpusPerNode },
      labels: { [sideLabel]: sideOf(name) },
      environment: [nodeVariable],
    },
    env: { [nodeVariable]: name },
  };
}

export interface Hold {
  /** Of the task, or of the member of a gang. */
  readonly id: string;
  readonly key: string;
  readonly ms: number;
}

/** An attempt, as it tells of itself. Times are milliseconds of the monotonic clock of its kernel,
 *  which every process there shares, whatever its wall clock is set to. */
export interface Held {
  readonly node: string;
  /** The process of the node: another one is another incarnation. */
  readonly process: string;
  readonly gpus: readonly number[];
  readonly attempt: number;
  readonly from: number;
  readonly until: number;
}

/** How an attempt is marked in its ledger as it begins. */
export function markOf(id: string, attempt: number, node: string): string {
  return `${id}#${attempt}@${node}`;
}

/** What a task reserves: so many GPUs, so many thousandths of each, on that side. */
export interface Kind {
  readonly count: number;
  readonly milli: number;
  readonly side?: Side;
}

export const kinds = {
  whole: { count: 1, milli: 1_000 },
  half: { count: 1, milli: 500 },
  quarter: { count: 1, milli: 250 },
  pair: { count: 2, milli: 500 },
  wholeLeft: { count: 1, milli: 1_000, side: 'left' },
  halfRight: { count: 1, milli: 500, side: 'right' },
  urgent: { count: 1, milli: 1_000 },
} as const satisfies { readonly [name: string]: Kind };
