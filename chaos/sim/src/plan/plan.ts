/** Everything that a seed decides before the first event: who is there, what is asked, what fails. */
import type { Weather } from '../world/network.ts';
import { Random } from '../world/random.ts';
import type { Timings } from '../world/world.ts';
import { drawFaults, type Fault, type Places } from './faults.ts';
import { drawOperations, type Operation } from './load.ts';

export interface Plan {
  readonly seed: number;
  readonly places: Places;
  readonly weather: Weather;
  readonly timings: Timings;
  /** By host: speed and error of its clocks. */
  readonly clocks: ReadonlyMap<string, { readonly rate: number; readonly offsetMs: number }>;
  readonly faults: readonly Fault[];
  readonly operations: ReadonlyMap<string, readonly Operation[]>;
  /** When the last fault ends and everything is mended. */
  readonly healAt: number;
}

export interface PlanWishes {
  readonly nodes?: number | undefined;
  /** Numbers of faults that are left out. */
  readonly without?: readonly number[] | undefined;
  /** Operations of each client that are kept. */
  readonly operations?: number | undefined;
}

/** One seed of so many is a large cluster. */
const largeEvery = 150;

export function drawPlan(seed: number, wishes: PlanWishes = {}): Plan {
  const chance = new Random(seed).fork('plan');
  const places = drawPlaces(seed, wishes.nodes, chance.fork('places'));
  const large = places.nodes.length >= 50;
  const healAt = large ? chance.whole(6_000, 9_000) : chance.whole(8_000, 26_000);
  const span = { fromMs: 1_500, untilMs: healAt - 500 };
  const calm = chance.chance(0.05);
  const count = calm ? 1 : chance.whole(3, large ? 8 : 12);
  const faults = drawFaults(count, span, places, chance.fork('faults'));
  const load = chance.fork('load');
  const shape = {
    keys: large ? Math.ceil(places.nodes.length * 1.5) : load.whole(2, 8),
    operations: large ? 60 : load.whole(8, 45),
    ...span,
  };
  const operations = new Map<string, readonly Operation[]>();
  for (const client of places.clients) {
    const drawn = drawOperations(client, shape, load.fork(client));
    operations.set(client, drawn.slice(0, wishes.operations));
  }
  return {
    seed,
    places,
    weather: drawWeather(chance.fork('weather')),
    timings: drawTimings(chance.fork('timings')),
    clocks: drawClocks(places, chance.fork('clocks')),
    faults: faults.filter((_, number) => wishes.without?.includes(number) !== true),
    operations,
    healAt,
  };
}

function drawPlaces(seed: number, wished: number | undefined, chance: Random): Places {
  const large = seed % largeEvery === largeEvery - 1;
  const usual = chance.chance(0.9) ? chance.whole(3, 6) : chance.whole(7, 20);
  const nodes = wished ?? (large ? chance.whole(100, 140) : usual);
  return {
    nodes: named('node', nodes),
    schedulers: named('sched', chance.pick([2, 3, 3, 3])),
    clients: named('client', chance.whole(2, 4)),
  };
}

function named(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
}

function drawWeather(chance: Random): Weather {
  const rough = chance.chance(0.4);
  return {
    delayMsMin: 0.1,
    delayMsMax: chance.spread(0.5, 40),
    loss: rough ? chance.next() * 0.05 : 0,
    double: rough ? chance.next() * 0.05 : 0,
    reorder: chance.chance(0.3) ? chance.next() * 0.2 : 0,
    storeLoss: rough ? chance.next() * 0.03 : 0,
    storeMsMax: chance.spread(0.5, 40),
  };
}

function drawTimings(chance: Random): Timings {
  const heartbeatMs = chance.pick([300, 500, 1_000]);
  return {
    heartbeatMs,
    nodeSilenceMs: heartbeatMs * 3,
    probeMs: 300,
    resendMs: chance.pick([300, 600, 1_000]),
    leaseMs: chance.pick([1_500, 3_000]),
    checkpointTurns: chance.pick([2, 5, 20, 1_000]),
    checkpointMs: chance.pick([400, 2_000, 60_000]),
    idleMs: chance.pick([700, 3_000, 300_000]),
    rebaseMs: chance.pick([0, 300, 2_000, 20_000]),
    runners: chance.pick([1, 1, 2]),
    imageEveryFacts: chance.pick([10, 30, 100]),
    drainMs: chance.pick([1_000, 4_000, 10_000]),
    bytesFactor: chance.pick([1, 2_000, 20_000, 20_000]),
    leaderLooksAtLease: chance.chance(0.6),
  };
}

function drawClocks(places: Places, chance: Random): Plan['clocks'] {
  const clocks = new Map<string, { rate: number; offsetMs: number }>();
  const drift = chance.chance(0.5) ? 0.03 : 0;
  const skew = chance.pick([0, 0, 300, 20_000]);
  for (const host of [...places.nodes, ...places.schedulers, ...places.clients]) {
    const rate = 1 + (chance.next() * 2 - 1) * drift;
    clocks.set(host, { rate, offsetMs: Math.round((chance.next() * 2 - 1) * skew) });
  }
  return clocks;
}
