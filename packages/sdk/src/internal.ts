/** What the runner, the command line and the test cluster need, and users must not see. */
export type { AnyActorDefinition } from './actor.ts';
export { definitionBrand } from './definition.ts';
export { makeHandle, nameOf } from './handle.ts';
export { idempotencyKeyOf } from './idempotency-key.ts';
export { letterTriesOf } from './letter-tries.ts';
export type { AnyDefinition, Definitions } from './manifest.ts';
export { definitionsOf, isDefinition } from './manifest.ts';
export { saidPriority } from './priority.ts';
export { deliveryOf } from './sends.ts';
export type { TaskDefinition } from './task.ts';
