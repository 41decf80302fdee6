/** Programs that wait for signals, race and undo, and the signals; in some runs only. */
import { actorId, limits } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, type Leg, type Part, tenant } from '../node/program.ts';
import { keyOf, type Operation } from './load.ts';

const journeysMax = 6;
const deadlineMs = 30_000;
/** Few, so that signals wait for each other's waits and the reverse. */
const names = ['approval', 'answer'];

interface Span {
  readonly keys: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

export function drawJourneys(client: string, span: Span, chance: Random): readonly Operation[] {
  const operations: Operation[] = [];
  for (let number = chance.whole(1, journeysMax); number > 0; number--) {
    const id = `${client}-j${number}`;
    const key = chance.whole(0, span.keys - 1);
    const actor = actorId(tenant, actorType, keyOf(key));
    const at = span.fromMs + chance.next() * (span.untilMs - span.fromMs);
    const parts = drawParts(id, key, span.keys, chance);
    operations.push({ kind: 'call', at, actor, program: { id, parts }, deadlineMs });
    for (const [index, name] of waitsIn(parts).entries()) {
      if (chance.chance(0.25)) continue;
      const signalAt = Math.max(span.fromMs, at + chance.whole(-1_500, 4_000));
      const signal = { actor, name, id: `${id}.signal${index}`, deadlineMs } as const;
      operations.push({ kind: 'signal', at: signalAt, ...signal });
    }
  }
  return operations.sort((left, right) => left.at - right.at);
}

function drawParts(id: string, key: number, keys: number, chance: Random): readonly Part[] {
  const parts: Part[] = [];
  for (let number = chance.whole(1, 5); number > 0; number--) {
    const part = `${id}.${number}`;
    const drawn = chance.next();
    if (drawn < 0.01) parts.push(['step', part, 'undo', 1]);
    else if (drawn < 0.04) parts.push(['step', part, 'undo', limits.turnCrashesMax]);
    else if (drawn < 0.35) parts.push(['step', part, 'undo']);
    else if (drawn < 0.65) parts.push(['race', drawLegs(part, key, keys, chance)]);
    else if (drawn < 0.85) parts.push(drawWait(chance));
    else if (drawn < 0.92) parts.push(['sleep', Math.round(chance.spread(1, 900))]);
    else if (drawn < 0.96) parts.push(['crash', chance.pick([1, 1, 2, 3])]);
    else parts.push(['send', keyOf(chance.whole(0, keys - 1)), { id: part, parts: [] }]);
  }
  return chance.chance(0.4) ? [...parts, ['fail']] : parts;
}

function drawLegs(id: string, key: number, keys: number, chance: Random): readonly Leg[] {
  return Array.from({ length: chance.whole(2, 3) }, (_, number): Leg => {
    const leg = `${id}.leg${number}`;
    const drawn = chance.next();
    if (drawn < 0.35) return drawWait(chance);
    // As elsewhere awaited calls go to higher keys.
    if (drawn > 0.75 && key < keys - 1) {
      const slow: Part[] = chance.chance(0.5) ? [['sleep', chance.whole(1, 300)]] : [];
      return ['call', keyOf(chance.whole(key + 1, keys - 1)), { id: leg, parts: slow }];
    }
    return chance.chance(0.5) ? ['step', leg, 'undo'] : ['step', leg];
  });
}

function drawWait(chance: Random): Leg {
  return ['wait', chance.pick(names), chance.whole(300, 5_000)];
}

function waitsIn(parts: readonly Part[]): readonly string[] {
  const legs = parts.flatMap((part): readonly Part[] => (part[0] === 'race' ? part[1] : [part]));
  return legs.flatMap((leg) => (leg[0] === 'wait' ? [leg[1]] : []));
}
