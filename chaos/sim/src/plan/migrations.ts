/** An operator who moves actors from node to node while others are at work, and what strikes then. */
import { migrationMoments } from '../world/moments.ts';
import type { Random } from '../world/random.ts';
import { deeds, type Fault, type Places } from './faults.ts';

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

const roundsMax = 40;

export function drawMigrations(span: Span, places: Places, chance: Random): readonly Fault[] {
  return [...drawRounds(span, places, chance), ...drawAmbushes(span, chance)];
}

/** Some operators are in a hurry: actors move on before they have settled. */
function drawRounds({ fromMs, untilMs }: Span, places: Places, chance: Random): readonly Fault[] {
  const rounds: Fault[] = [];
  const pauseMs = chance.spread(100, 2_000);
  for (let at = fromMs; at < untilMs && rounds.length < roundsMax; ) {
    const round = { kind: 'migrate', at, count: chance.whole(1, 4), lot: chance.next() } as const;
    rounds.push(chance.chance(0.6) ? { ...round, to: chance.pick(places.nodes) } : round);
    at += pauseMs * (0.5 + chance.next());
  }
  return rounds;
}

function drawAmbushes({ fromMs, untilMs }: Span, chance: Random): readonly Fault[] {
  return Array.from({ length: chance.whole(0, 4) }, () => {
    const moment = chance.pick(migrationMoments);
    return {
      kind: 'ambush',
      at: fromMs + chance.next() * (untilMs - fromMs),
      moment,
      deed: chance.pick(deeds[moment]),
      waitMs: chance.chance(0.5) ? 0 : chance.spread(0.1, 40),
      ms: chance.spread(100, 6_000),
    };
  });
}
