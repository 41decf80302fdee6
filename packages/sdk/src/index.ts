/** The whole public surface of Troupe: definitions, and the client. */

export type { WatchOptions } from './actor-events.ts';
export type {
  ActorPage,
  ActorRef,
  Actors,
  CreateActorOptions,
  ListActorsOptions,
} from './actors.ts';
export type {
  Checkpoint,
  Checkpoints,
  DamagedCheckpoint,
  PlantOptions,
  ShownCheckpoint,
} from './checkpoints.ts';
export type { Config, ConfigView, SetConfigOptions } from './config.ts';
export { connect } from './connect.ts';
export type { DeadLetters, DeadLettersAsked, DeadLettersPage } from './dead-letters.ts';
export * from './define.ts';
export type { CodeVersion, Rollout, RolloutOptions, Rollouts } from './rollouts.ts';
export type { Savepoint, Scope, ShownLine } from './scopes.ts';
export type { AcquireOptions, Lease, SemaphoreHandle } from './semaphores.ts';
export type { AwaitedSends, ClientSendOptions } from './sends.ts';
export type { StateDifference } from './state-diff.ts';
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
export type * from './views.ts';
