export type {
  AutoscaleConfig,
  SchedulerConfig,
  SchedulerEvent,
  SchedulerReply,
  SchedulerSend,
  SchedulerWork,
} from './events.ts';
export type { SchedulerFact } from './facts.ts';
export { SchedulerMachine } from './machine.ts';
export type { DurableState } from './state.ts';
