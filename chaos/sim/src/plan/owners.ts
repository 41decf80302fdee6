/** Actors that are owned: by a session of the client, by an actor that is destroyed, by a run, and by each other. */
import { actorId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, tenant } from '../node/program.ts';
import { drawRun, keyOf, type LoadShape, type Operation, type OwnerWish } from './load.ts';

const ownedMax = 4;
/** What a client that goes on says so within; the limits of a run have it so short that silence is heard. */
export const owningSessionMs = 6_000;

export function drawOwners(
  client: string,
  { keys, fromMs, untilMs }: Pick<LoadShape, 'keys' | 'fromMs' | 'untilMs'>,
  chance: Random,
): readonly Operation[] {
  const operations: Operation[] = [];
  const count = chance.whole(1, ownedMax);
  for (let number = 0; number < count; number++) {
    const id = `${client}-owned${number}`;
    const at = fromMs + chance.next() * (untilMs - fromMs);
    const soon = at + chance.spread(50, 2_000);
    const actor = actorId(tenant, actorType, id);
    const owned = (owner: OwnerWish): Operation => ({ kind: 'owned', at, actor, by: id, owner });
    const drawn = chance.next();
    if (drawn < 0.45) {
      const keepMs = Math.round(chance.spread(100, 12_000));
      operations.push(owned({ kind: 'session', keepMs, closes: chance.chance(0.6) }));
    } else if (drawn < 0.75) {
      const owner = actorId(tenant, actorType, keyOf(chance.whole(0, keys - 1)));
      operations.push(owned({ kind: 'actor', actor: owner }));
      if (chance.chance(0.6)) operations.push({ kind: 'life', at: soon, actor: owner });
    } else {
      const run = drawRun(id, keys, chance);
      operations.push({ at: Math.max(fromMs, at - chance.spread(20, 500)), ...run });
      operations.push(owned({ kind: 'run', run: run.id }));
    }
    // What it owns itself goes with it.
    if (chance.chance(0.4)) {
      const child = { actor: actorId(tenant, actorType, `${id}-child`), by: `${id}-child` };
      operations.push({ kind: 'owned', at: soon, ...child, owner: { kind: 'actor', actor } });
    }
    const program = { id: `${id}-called`, parts: [] };
    const asked = { kind: 'call', at: soon, actor, program, deadlineMs: 20_000 } as const;
    if (chance.chance(0.5)) operations.push({ ...asked, ofBirth: true });
  }
  return operations;
}
