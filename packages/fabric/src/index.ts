/** The only code that speaks etcd and NATS, and the loop that turns the machines. */
export { type DisconnectNotice, watchDisconnects } from './broker-notices.ts';
export { NatsBus } from './bus.ts';
export { StreamCheckpoints } from './checkpoints.ts';
export {
  checkConfig,
  configFileArgument,
  configKeys,
  loadConfig,
  type NatsConfig,
  type SharedConfig,
  sharedConfig,
} from './config.ts';
export { Coordination, openCoordination } from './coordination.ts';
export { crashPoint } from './crash-point.ts';
export { checkDurability, type Durability } from './durability.ts';
export { Election, type ElectionStart, type Leader, type Leadership } from './election.ts';
export { type Fabric, type FabricStart, openFabric } from './fabric.ts';
export { sha256 } from './hash.ts';
export { journalGeneration } from './journal-generation.ts';
export { type LogFields, type Logger, processLogger, silentLogger } from './logger.ts';
export { StreamLogs } from './logs.ts';
export {
  type Batch,
  BatchReader,
  encodeBatch,
  Loop,
  type LoopRim,
  type LoopStart,
} from './loop.ts';
export {
  type ClaimStart,
  claimMember,
  listMembers,
  type Membership,
  releaseMember,
} from './membership.ts';
export { type Names, names } from './names.ts';
export { type LinkRole, type LinkStart, NatsLink, openLink } from './nats-connection.ts';
export { BucketObjectStore } from './object-store.ts';
export { StreamOutputStore } from './output-store.ts';
export type {
  Bus,
  Checkpoints,
  Clock,
  FollowLog,
  LogRecord,
  LogRecordKind,
  Logs,
  LogWriter,
  ObjectStore,
  OutputStore,
  StoredCheckpoint,
} from './ports.ts';
export { pause, realClock, within } from './real-clock.ts';
export { Slots } from './slots.ts';
