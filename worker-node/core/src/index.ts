export { callIdOf } from './activation.ts';
export {
  type CheckpointFloor,
  type CheckpointHead,
  checkpointHead,
  checkpointIsNewer,
  claimOnePast,
  decodeCheckpoint,
  encodeCheckpoint,
  reaches,
  readOnFrom,
  stretchesOf,
} from './checkpoint.ts';
export type {
  NodeConfig,
  NodeEvent,
  NodeReply,
  NodeSend,
  NodeWork,
  RivalCheckpoint,
  RunnerId,
} from './events.ts';
export type { NodeFact, OutboxLetter, TurnCause, TurnLogOpening, UpgradeCause } from './facts.ts';
export { type NodeCounts, NodeMachine } from './machine.ts';
export { type BegunTurn, freshMemory, type Memory, replay } from './memory.ts';
export { TimerBook } from './timer-book.ts';
export { beginningOf, headOf, isOfBirth, remainsOf } from './tombstone.ts';
export { type Versions, type VersionsKept, withVersion } from './versions.ts';
