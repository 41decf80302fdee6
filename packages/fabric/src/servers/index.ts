/** etcd and NATS as child processes: what a laptop, a test and a bench stand on. */
export { findBinary, type ServerName } from './binaries.ts';
export { type EtcdOptions, startEtcd } from './etcd.ts';
export { type NatsOptions, type NatsServer, startNats } from './nats.ts';
export { freePort } from './ports.ts';
export type { Server, ServerExit } from './server-process.ts';
