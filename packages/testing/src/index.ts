/** A cluster in the process of a test: the machines of a real one, on virtual time, without servers. */

export type { Duration } from './duration.ts';
export type {
  ClusterOptions,
  ConnectOptions,
  Exports,
  Weather,
} from './options.ts';
export { TestCluster } from './test-cluster.ts';
