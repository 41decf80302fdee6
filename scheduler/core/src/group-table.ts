/**
 * How many nodes each group should have, durably: the latest decision about each, with its reason.
 *
 * G5  a group that is configured no longer is forgotten.
 */
import type { SchedulerFact } from './facts.ts';

type GroupFact = Extract<SchedulerFact, { kind: 'group-sized' | 'group-dropped' }>;

export type SizedGroup = Omit<Extract<GroupFact, { kind: 'group-sized' }>, 'kind'> & {
  /** When it became larger for the last time, as `ledMs` of facts. */
  readonly grewMs?: number;
};

export class GroupTable {
  readonly #groups = new Map<string, SizedGroup>();

  get size(): number {
    return this.#groups.size;
  }
  get(group: string): SizedGroup | undefined {
    return this.#groups.get(group);
  }
  all(): IterableIterator<SizedGroup> {
    return this.#groups.values();
  }

  apply(fact: GroupFact): void {
    if (fact.kind === 'group-dropped') this.#groups.delete(fact.group);
    else {
      // No more than this version knows of it.
      const { group, size, rule, reason, ledMs } = fact;
      const before = this.#groups.get(group);
      const grewMs = size > (before?.size ?? 0) ? ledMs : before?.grewMs;
      const sized = { group, size, rule, reason, ledMs };
      this.#groups.set(group, grewMs === undefined ? sized : { ...sized, grewMs });
    }
  }

  image(): readonly SizedGroup[] {
    return [...this.#groups.values()];
  }

  restore(image: readonly SizedGroup[]): void {
    for (const sized of image) this.#groups.set(sized.group, sized);
  }
}
