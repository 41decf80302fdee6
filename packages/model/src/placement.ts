/** Where a task may go, must go and should go, beside what it reserves. */

export const strategyNames = [
  'first-fit',
  'best-fit',
  'worst-fit',
  'round-robin',
  'priority',
  'load-balanced',
  'energy-aware',
  'gpu-fragmentation-aware',
  'locality',
] as const;

/** How one node is preferred to another that is open as well. */
export type StrategyName = (typeof strategyNames)[number];

/** How the members of a gang share nodes: on as few as may be, on as many, on one, each on its own. */
export const gangPolicies = ['PACK', 'SPREAD', 'STRICT_PACK', 'STRICT_SPREAD'] as const;
export type GangPolicy = (typeof gangPolicies)[number];

export interface Labels {
  readonly [name: string]: string;
}

export type Requirement =
  | { readonly label: string; readonly op: 'in' | 'not-in'; readonly values: readonly string[] }
  | { readonly label: string; readonly op: 'exists' | 'absent' };

/** All requirements hold. An empty selector picks everything. */
export type Selector = readonly Requirement[];

export interface Preferred<T> {
  /** 1 to 1000. */
  readonly weight: number;
  readonly term: T;
}

/** Tasks that run already and match, counted in each domain: nodes with the same value of a label. */
export interface NeighbourTerm {
  readonly tasks: Selector;
  /** The label of the nodes whose values are the domains; `node` makes each node its own. */
  readonly across: string;
}

export interface SpreadRule extends NeighbourTerm {
  /** How far the fullest domain may be ahead of the emptiest, of those with a node that may have it. */
  readonly skewMax: number;
  readonly required: boolean;
}

/** What a task declares of its place. GPUs have the model that the label `gpu-model` of their node
 *  says, and a node offers the isolations that its label `isolation` names, with commas. */
export interface PlacementWishes {
  /** That of its tenant, else of the cluster, unless given. */
  readonly strategy?: StrategyName;
  /** Labels of the task, which the affinity of other tasks picks by. */
  readonly labels?: Labels;
  /** What the labels of its node must say. */
  readonly nodes?: Selector;
  readonly nodesPreferred?: readonly Preferred<Selector>[];
  /** Only where such tasks run. */
  readonly near?: readonly NeighbourTerm[];
  /** Only where no such task runs. */
  readonly apart?: readonly NeighbourTerm[];
  readonly nearPreferred?: readonly Preferred<NeighbourTerm>[];
  readonly apartPreferred?: readonly Preferred<NeighbourTerm>[];
  readonly spread?: readonly SpreadRule[];
  /** Any of these models; all unless given. */
  readonly gpuModels?: readonly string[];
  /** Several GPUs, so many thousandths of each, instead of `gpu` in what it reserves. */
  readonly gpus?: { readonly count: number; readonly milli: number };
  /** A kind of isolation that the node must offer. */
  readonly isolation?: string;
  /** Ends running tasks of lower priority that may be tried again, where it fits nowhere else. */
  readonly preempts?: boolean;
}
