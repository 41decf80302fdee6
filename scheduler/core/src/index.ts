export type {
  AutoscaleConfig,
  SchedulerConfig,
  SchedulerEvent,
  SchedulerReply,
  SchedulerSend,
  SchedulerWork,
} from './events.ts';
export type { SchedulerFact } from './facts.ts';
export { keptFact } from './kept-fact.ts';
export { type KnownState, RestoringMachine, SchedulerMachine } from './machine.ts';
export type { DurableState } from './state.ts';
