/** How urgent something is among what waits with it: tasks of a tenant, tenants, and what waits for an actor. */
export type PriorityName = 'low' | 'normal' | 'high';

/** As it travels with a call or a letter: what is normal is not said. */
export type SaidPriority = Exclude<PriorityName, 'normal'>;
