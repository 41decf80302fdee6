/** Calls whose programs set timers, replace and cancel them, and send letters that wait. */
import { actorId } from '@troupe/model';
import { actorType, type Part, tenant } from '../node/program.ts';
import type { Random } from '../world/random.ts';
import { keyOf, type Operation } from './load.ts';

const operationsMax = 6;
/** So few that timers are replaced and cancelled. */
const names = ['a', 'b', 'c'] as const;
const partsMax = 3;
const timesMax = 5;

export function drawTimerLoad(
  client: string,
  given: { readonly keys: number; readonly fromMs: number; readonly untilMs: number },
  chance: Random,
): readonly Operation[] {
  const { keys, fromMs, untilMs } = given;
  return Array.from({ length: chance.whole(1, operationsMax) }, (_, number): Operation => {
    const id = `${client}-timer${number}`;
    const at = fromMs + chance.next() * (untilMs - fromMs);
    const actor = actorId(tenant, actorType, keyOf(chance.whole(0, Math.min(keys, 4) - 1)));
    const count = chance.whole(1, partsMax);
    const parts = Array.from({ length: count }, (_, part) =>
      drawPart(`${id}.${part}`, keys, chance),
    );
    const rest: Part[] = chance.chance(0.1) ? [['fail']] : [];
    const program = { id, parts: [...parts, ...rest] };
    return { kind: 'call', at, actor, program, deadlineMs: 30_000 };
  }).sort((left, right) => left.at - right.at);
}

function drawPart(id: string, keys: number, chance: Random): Part {
  const drawn = chance.next();
  const ms = Math.round(chance.spread(1, 9_000));
  const name = chance.pick(names);
  if (drawn < 0.2) return ['cancel', name];
  if (drawn < 0.4) {
    return ['later', keyOf(chance.whole(0, keys - 1)), ms, { id, parts: [] }];
  }
  if (drawn < 0.6) {
    const times = chance.whole(1, timesMax);
    const program = { id, parts: drawParts(id, chance), repeats: { name, times } };
    const every = Math.round(chance.spread(100, 3_000));
    return ['timer', name, { kind: 'every', firstMs: ms, ms: every }, program];
  }
  // By the wall clock, whatever that is: it is due at once.
  if (drawn < 0.68) return ['timer', name, { kind: 'at', wall: 0 }, { id, parts: [] }];
  return ['timer', name, { kind: 'after', ms }, { id, parts: drawParts(id, chance) }];
}

function drawParts(id: string, chance: Random): Part[] {
  const drawn = chance.next();
  if (drawn < 0.25) return [['step', `s${id}`]];
  if (drawn < 0.35) return [['sleep', Math.round(chance.spread(1, 2_000))]];
  return drawn < 0.4 ? [['crash', 1]] : [];
}
