export { type Bundle, bundleFile } from './bundle/bundle.ts';
export { type Lasts, type Planned, plannedRounds, type Round } from './chaos/plan.ts';
export { startCluster } from './cluster/cluster.ts';
export type {
  Cluster,
  ClusterOptions,
  Environment,
  Exit,
  NodeConfig,
  Process,
  ProcessKind,
  ProcessStart,
  SchedulerConfig,
  ServerAddresses,
} from './cluster/options.ts';
