/** What a bundle needs: definitions only, so that no client lands in it. */
export type { ErrorCode, Failure, TopicMessage } from '@troupe/model';
export { isErrorCode, TroupeError } from '@troupe/model';
export type {
  ActorCalls,
  ActorDefinition,
  ActorOptions,
  ActorSends,
  ActorStreams,
  ClientCalls,
  NoMethods,
  RestartOptions,
  UntypedCalls,
  UntypedClientCalls,
} from './actor.ts';
export { actor } from './actor.ts';
export type {
  CallLimit,
  Compensation,
  ConfigValues,
  Frozen,
  ReadContext,
  SendOptions,
  StepContext,
  StepOptions,
  StepTries,
  TaskContext,
  TurnContext,
  UndoContext,
  UndoOptions,
  WaitOptions,
} from './context.ts';
export type { LetterOptions } from './letter-tries.ts';
export type { ActorEvent } from './lives.ts';
export { lives } from './lives.ts';
export type { PoolOptions } from './pool.ts';
export { poolIn } from './pool.ts';
export type { Made, Ref, Refs, Resolved } from './ref.ts';
export type { PermitOptions, SemaphoreCounts } from './semaphore.ts';
export { Semaphore, withPermit } from './semaphore.ts';
export type { ActorStream } from './stream.ts';
export type { TaskDefinition, TaskOptions } from './task.ts';
export { task } from './task.ts';
export type { TimerOptions, TimerSchedule, Timers, TimerView } from './timers.ts';
export type { WorkflowBuilder } from './workflow/builder.ts';
export type {
  BlockOptions,
  ChoiceCases,
  EachOptions,
  LoopOptions,
  ParallelOptions,
  PauseOptions,
  Question,
  RunOptions,
  Tried,
  TryOptions,
  WorkOptions,
} from './workflow/options.ts';
export type { Branching, Port } from './workflow/port.ts';
export type { Undo, Undoer } from './workflow/undo.ts';
export type { WorkflowDefinition, WorkflowOptions } from './workflow.ts';
export { workflow } from './workflow.ts';
export { workflowOf } from './workflow-data.ts';
