/**
 * A state is only ever given to code of its own version, and migrated from the version that it has; and a
 * migration counts once: after it the state is of another version.
 */
import type { ActorId } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

export const codeOfItsState: MakeChecker = (_truth, violate) => {
  /** The version that each actor has by its record, once it was upgraded. */
  const versions = new Map<ActorId, { readonly birth: number; readonly version: number }>();
  return {
    ran({ actor, version, form, from, node }) {
      if (form === from) return;
      const what = `a state of version ${form} of ${actor} is taken for one of version ${from}`;
      violate(`${what} by code of version ${version} on ${node}`);
    },
    turnFact(fact) {
      if (fact.kind !== 'turn' || fact.upgrade === undefined || fact.delta === undefined) return;
      const { actor, birth, seq, upgrade } = fact;
      const known = versions.get(actor);
      const { version } = upgrade;
      if (known?.birth === birth && known.version === version) {
        violate(`turn ${seq} of ${actor} migrates a state to version ${version} that has it`);
      }
      versions.set(actor, { birth, version });
    },
  };
};
