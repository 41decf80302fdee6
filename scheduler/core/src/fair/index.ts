/** Fair queues: whose task starts next. */
export { Contest } from './contest.ts';
export {
  cpusOf,
  demandCoefficient,
  demandCoefficients,
  dominantCpusOf,
  type Totals,
} from './demand.ts';
export {
  FairQueue,
  type FairRules,
  type Picked,
  type TenantShare,
  type TenantTask,
} from './fair-queue.ts';
export { type Priority, priorities, priorityFault, priorityWeight } from './priority.ts';
export { type QuotaRoom, quotaFault } from './quota.ts';
