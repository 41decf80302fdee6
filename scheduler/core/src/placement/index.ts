/** Placement: where things go. */
export { type ClaimAnswer, Claims } from './claims.ts';
export type { Ask, Demand, NeighbourTerm, SpreadRule } from './demand.ts';
export { demandFault } from './demand.ts';
export { type Choice, type Grant, Placement, type PlacementConfig, type Task } from './engine.ts';
export { type Gang, type GangPlan, type GangPolicy, Gangs } from './gangs.ts';
export type { Labels, Requirement, Selector } from './labels.ts';
export type { DemandClass, Mix } from './mix.ts';
export { type PowerModel, wattsOf } from './power.ts';
export { type PreemptionPlan, planPreemption, type Victim } from './preemption.ts';
export type { Refusal } from './refusals.ts';
export { type Reservation, Reservations } from './reservations.ts';
export type { NodeSpec } from './site.ts';
export { type StrategyName, strategyNames } from './strategies.ts';
export { type Circle, Waits } from './waits.ts';
