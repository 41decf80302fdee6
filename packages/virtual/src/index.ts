/** A whole cluster in one process: both machines by their loop, on virtual time, network and stores. */
export { CheckpointStore } from './node/checkpoint-store.ts';
export { Node, type NodeEnd } from './node/node.ts';
export { schedulerConfig } from './scheduler/config.ts';
export type { ClientMessage, GatewayMessage } from './scheduler/gateway.ts';
export { History, latestImage } from './scheduler/history.ts';
export { callerUnderKey } from './scheduler/keyed-caller.ts';
export { journal, Scheduler } from './scheduler/scheduler.ts';
export { CheckpointServer } from './store/checkpoint-server.ts';
export { LeaseServer } from './store/lease-server.ts';
export { LogServer, type Stored } from './store/log-server.ts';
export { ObjectServer } from './store/object-server.ts';
export { OpenCheckpoints } from './store/open-checkpoints.ts';
export { Requests, type ServerName } from './store/requests.ts';
export { type Cut, Network, type Weather } from './world/network.ts';
export type { Onlooker, Restored } from './world/onlooker.ts';
export {
  type Hearing,
  type Mouth,
  type NodeTurns,
  openPassage,
  type Passage,
} from './world/passage.ts';
export { type Host, Process } from './world/process.ts';
export { mix, Random } from './world/random.ts';
export { Timeline } from './world/timeline.ts';
export { type Arrow, type Note, shown, Trace } from './world/trace.ts';
export type { RunnerStart, Site, Timings, World } from './world/world.ts';
