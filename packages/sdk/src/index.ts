/** The whole public surface of Troupe: definitions, and the client. */

export type {
  ActorView,
  BlockView,
  ClusterView,
  DemandView,
  NodeView,
  RunState,
  RunView,
  TenantSettings,
  TenantView,
} from '@troupe/model';
export { connect } from './connect.ts';
export * from './define.ts';
export type {
  CallOptions,
  ConnectOptions,
  Deployed,
  RunHandle,
  StartOptions,
  SubmitOptions,
  TenantOptions,
  Troupe,
} from './troupe.ts';
