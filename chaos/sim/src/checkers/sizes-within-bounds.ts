/** A group of nodes is sized within the bounds that it is configured with, and said anew only when it changes. */
import type { MakeChecker } from './checker.ts';

export const sizesWithinBounds: MakeChecker = (truth, violate) => {
  const groups = new Map(truth.config.autoscale?.groups.map((group) => [group.name, group]));
  const sizes = new Map<string, number>();
  return {
    journalFact(fact) {
      if (fact.kind === 'group-dropped') return violate(`group ${fact.group} is dropped`);
      if (fact.kind !== 'group-sized') return;
      const { group: name, size, reason } = fact;
      const group = groups.get(name);
      if (group === undefined) return violate(`group ${name} is sized, and is none`);
      if (size < group.min || size > group.max)
        violate(`group ${name} of ${group.min} to ${group.max} should have ${size}: ${reason}`);
      if (sizes.get(name) === size) violate(`group ${name} is said again to have ${size}`);
      sizes.set(name, size);
    },
  };
};
