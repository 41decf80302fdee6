/**
 * Tasks for the types of blocks that come along. They run on nodes, in runners, which are the place
 * of user code; like in Sim, none is tried again unless its block says so.
 */
export { agent, evaluator, router, routerV2 } from './agent.ts';
export { api } from './api.ts';
export { withEnvironment } from './environment.ts';
export { functionTask } from './function.ts';
export { retrying } from './retrying.ts';
export { toWrite } from './to-write.ts';
