/** etcd and NATS as child processes: what a laptop, a test and a bench stand on. */
export { findBinary, type ServerName } from './binaries.ts';
export {
  type EtcdClusterOptions,
  type EtcdOptions,
  startEtcd,
  startEtcdCluster,
} from './etcd.ts';
export {
  type NatsClusterOptions,
  type NatsOptions,
  type NatsServer,
  startNats,
  startNatsCluster,
} from './nats.ts';
export type { Place } from './place.ts';
export { freePort } from './ports.ts';
export type { Server, ServerExit } from './server-process.ts';
