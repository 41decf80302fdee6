/** Placement: where things go. */
export type { Ask, Demand } from './demand.ts';
export { demandFault } from './demand.ts';
export { type Choice, type Grant, Placement, type PlacementConfig, type Task } from './engine.ts';
export { type Gang, type GangPlan, Gangs } from './gangs.ts';
export { type Company, nodesToKeep, othersOn, wouldStart } from './keep.ts';
export type { DemandClass, Mix } from './mix.ts';
export { type PowerModel, wattsOf } from './power.ts';
export { type PreemptionPlan, planPreemption, type Victim } from './preemption.ts';
export type { Refusal } from './refusals.ts';
export { type Entered, type HeldPlace, Reservations } from './reservations.ts';
export { enterAll } from './reserved-gangs.ts';
export { shortageAfter, shortageBefore } from './shortage.ts';
export { Shortages, shortagesMax } from './shortages.ts';
export type { NodeSpec } from './site.ts';
export { type Circle, Waits } from './waits.ts';
export { wishesFault } from './wishes.ts';
