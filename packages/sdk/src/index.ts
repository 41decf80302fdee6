/** The whole public surface of Troupe: definitions, and the client. */

export type {
  ActorState,
  ActorView,
  BlockView,
  ClusterView,
  DeadLettersOfActor,
  DeadLettersView,
  DeadLetterView,
  DemandView,
  NodeView,
  PendingTimerView,
  ReservationView,
  RunProgress,
  RunState,
  RunView,
  SubscriberView,
  TaskView,
  TenantSettings,
  TenantView,
  TopicView,
} from '@troupe/model';
export type {
  ActorPage,
  ActorRef,
  Actors,
  CreateActorOptions,
  ListActorsOptions,
} from './actors.ts';
export { connect } from './connect.ts';
export type { DeadLetters, DeadLettersAsked, DeadLettersPage } from './dead-letters.ts';
export * from './define.ts';
export type { Savepoint, Scope, ShownLine } from './scopes.ts';
export type { ActorStream } from './stream.ts';
export type { TimersAsked, TimersPage } from './timer-list.ts';
export type { Topic, TopicsAsked, TopicsPage } from './topics.ts';
export type {
  AgainOptions,
  CallOptions,
  ConnectOptions,
  Deployed,
  GangMember,
  GangOptions,
  Migrated,
  MigrateOptions,
  PlaceOptions,
  ReservationOptions,
  RunHandle,
  StartOptions,
  SubmitOptions,
  TenantOptions,
  Troupe,
} from './troupe.ts';
