/** The load of nodes: places from scratch, and the fewest migrations that even it out. */
export { type Assignment, assign, type Refused } from './assign.ts';
export type { BalanceActor, BalanceNode, BalanceSnapshot } from './instance.ts';
export { imbalance, loadOf, type NamedLoad, NodeLoads, type Used } from './node-loads.ts';
export {
  type Migration,
  type Rebalance,
  type RebalanceEffort,
  rebalance,
} from './rebalance.ts';
export type { Effort } from './search.ts';
