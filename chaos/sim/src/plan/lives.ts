/** Clients that destroy and pause actors which others are calling, and call what may be gone. */
import { actorId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, tenant } from '../node/program.ts';
import { keyOf, type LoadShape, type Operation } from './load.ts';

export function drawLives(
  client: string,
  { keys, fromMs, untilMs }: Pick<LoadShape, 'keys' | 'fromMs' | 'untilMs'>,
  chance: Random,
): readonly Operation[] {
  const operations: Operation[] = [];
  const count = chance.whole(2, 8);
  for (let number = 0; number < count; number++) {
    const at = fromMs + chance.next() * (untilMs - fromMs);
    const actor = actorId(tenant, actorType, keyOf(chance.whole(0, keys - 1)));
    const drawn = chance.next();
    if (drawn < 0.4) operations.push({ kind: 'life', at, actor });
    else if (drawn < 0.65) {
      const pauseMs = Math.round(chance.spread(10, 4_000));
      operations.push({ kind: 'life', at, actor, pauseMs });
    } else {
      const program = { id: `${client}-born${number}`, parts: [] };
      operations.push({ kind: 'call', at, actor, program, deadlineMs: 20_000, ofBirth: true });
    }
  }
  return operations;
}
