/** Calls whose values clients take as they come; in some runs only. */
import { actorId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, type Part, tenant } from '../node/program.ts';
import { keyOf, type LoadShape, type Operation } from './load.ts';

const streamsMax = 4;
const deadlineMs = 30_000;

export function drawStreams(
  client: string,
  { keys, fromMs, untilMs }: Pick<LoadShape, 'keys' | 'fromMs' | 'untilMs'>,
  chance: Random,
): readonly Operation[] {
  const operations: Operation[] = [];
  for (let number = chance.whole(1, streamsMax); number > 0; number--) {
    const id = `${client}-s${number}`;
    const actor = actorId(tenant, actorType, keyOf(chance.whole(0, keys - 1)));
    const at = fromMs + chance.next() * (untilMs - fromMs);
    const program = { id, parts: drawParts(id, chance) };
    const restMs = chance.chance(0.3) ? Math.round(chance.spread(10, 2_000)) : 0;
    operations.push({ kind: 'stream', at, actor, program, deadlineMs, restMs });
  }
  return operations.sort((left, right) => left.at - right.at);
}

function drawParts(id: string, chance: Random): readonly Part[] {
  const parts: Part[] = [];
  for (let number = chance.whole(1, 9); number > 0; number--) {
    const part = `${id}.${number}`;
    const drawn = chance.next();
    if (drawn < 0.5) parts.push(['yield', part]);
    else if (drawn < 0.65) parts.push(['step', part]);
    else if (drawn < 0.93) parts.push(['sleep', Math.round(chance.spread(1, 900))]);
    else parts.push(['crash', chance.pick([1, 1, 2])]);
  }
  return chance.chance(0.15) ? [...parts, ['fail']] : parts;
}
