/** What goes wrong, and when. A plan lists its faults, so that a failure can be tried with fewer. */

import type { Random, Weather } from '@troupe/virtual';
import { type Moment, momentNames } from '../world/moments.ts';

export type Fault = {
  readonly at: number;
} /** `events`: it dies in the place of the event that comes after so many others. */ & (
  | {
      readonly kind: 'crash';
      readonly host: string;
      readonly downMs: number;
      readonly events?: number;
      readonly notice: boolean;
    }
  | { readonly kind: 'stand-still'; readonly host: string; readonly ms: number }
  /** The loop of a node stands still; its process runs. */
  | { readonly kind: 'stall'; readonly host: string; readonly ms: number }
  | { readonly kind: 'crash-runner'; readonly host: string }
  | { readonly kind: 'partition'; readonly hosts: readonly string[]; readonly ms: number }
  /** Nobody hears it but the stores: it does not know that it is given up. */
  | { readonly kind: 'forsake'; readonly host: string; readonly ms: number }
  /** A node and a scheduler that hear each other and the clients, but no other; and the scheduler
   *  not the stores: what it tells its clients may be of yesterday. */
  | {
      readonly kind: 'island';
      readonly node: string;
      readonly scheduler: string;
      readonly ms: number;
    }
  /** A scheduler that every node hears, and that hears no node: its calls take effect, and it does
   *  not know. */
  | { readonly kind: 'deaf'; readonly scheduler: string; readonly ms: number }
  | { readonly kind: 'cut'; readonly from: string; readonly to: string; readonly ms: number }
  | { readonly kind: 'weather'; readonly weather: Partial<Weather>; readonly ms: number }
  | { readonly kind: 'server-still'; readonly server: 'store' | 'etcd'; readonly ms: number }
  | { readonly kind: 'clock-jump'; readonly host: string; readonly ms: number }
  | { readonly kind: 'night' }
  | { readonly kind: 'drain'; readonly host: string }
  | { readonly kind: 'leave'; readonly host: string }
  | { readonly kind: 'cordon'; readonly host: string; readonly ms: number }
  /** An operator moves so many actors: to this node, or anywhere. `lot` says from which one on. */
  | { readonly kind: 'migrate'; readonly count: number; readonly lot: number; readonly to?: string }
  | { readonly kind: 'double-start'; readonly host: string }
  | { readonly kind: 'resign' }
  | { readonly kind: 'false-notice'; readonly host: string }
  | { readonly kind: 'broker-restart' }
  /** Process by process to the other version. */
  | { readonly kind: 'rolling-upgrade' | 'rolling-downgrade'; readonly gapMs: number }
  /** All of them at once, without a word. */
  | {
      readonly kind: 'machine-dies' | 'half-dies';
      readonly hosts: readonly string[];
      readonly downMs: number;
      readonly notice: boolean;
    }
  | { readonly kind: 'store-full'; readonly ms: number }
  /** Waits for a moment that does not come at a time known beforehand. */
  | {
      readonly kind: 'ambush';
      readonly moment: Moment;
      readonly deed: Deed;
      readonly waitMs: number;
      readonly ms: number;
    }
);

/** What an ambush does; `it` is where the moment came. */
export type Deed =
  | 'kill-it'
  | 'stop-it'
  | 'forsake-it'
  | 'cut-it-from-the-store'
  | 'drain-it'
  | 'ask-it-to-leave'
  | 'kill-the-leader'
  | 'stop-the-leader'
  | 'resign'
  | 'kill-another-node'
  | 'drain-it-and-kill-the-leader'
  /** And whoever leads next, twice. */
  | 'kill-a-node-and-the-leaders';

export type FaultKind = Fault['kind'];

const kinds: { readonly [K in FaultKind]: true } = {
  crash: true,
  'stand-still': true,
  stall: true,
  'crash-runner': true,
  partition: true,
  forsake: true,
  island: true,
  deaf: true,
  cut: true,
  weather: true,
  'server-still': true,
  'clock-jump': true,
  night: true,
  drain: true,
  leave: true,
  cordon: true,
  'double-start': true,
  resign: true,
  'false-notice': true,
  'broker-restart': true,
  'rolling-upgrade': true,
  'rolling-downgrade': true,
  'machine-dies': true,
  'half-dies': true,
  'store-full': true,
  ambush: true,
  migrate: true,
};
export const faultKinds = Object.keys(kinds) as readonly FaultKind[];

export interface Places {
  readonly nodes: readonly string[];
  readonly schedulers: readonly string[];
  readonly clients: readonly string[];
}

type Draw = (at: number, places: Places, chance: Random) => Fault;

/** How often each is drawn beside the others. */
const draws: readonly (readonly [weight: number, draw: Draw])[] = [
  [16, (at, places, chance) => crash(at, chance.pick(places.nodes), chance)],
  [7, (at, places, chance) => crash(at, chance.pick(places.schedulers), chance)],
  [10, (at, places, chance) => still(at, chance.pick(places.nodes), chance)],
  [7, (at, places, chance) => still(at, chance.pick(places.schedulers), chance)],
  [5, (at, places, chance) => ({ kind: 'crash-runner', at, host: chance.pick(places.nodes) })],
  [8, partition],
  [8, cut],
  [8, forsake],
  [8, island],
  [8, weather],
  [5, serverStill],
  [4, clockJump],
  [3, (at) => ({ kind: 'night', at })],
  [5, (at, places, chance) => ({ kind: 'drain', at, host: chance.pick(places.nodes) })],
  [5, (at, places, chance) => ({ kind: 'leave', at, host: chance.pick(places.nodes) })],
  [2, (at, places, chance) => ({ kind: 'double-start', at, host: chance.pick(places.nodes) })],
  [2, (at) => ({ kind: 'resign', at })],
  [3, (at, places, chance) => ({ kind: 'false-notice', at, host: chance.pick(places.nodes) })],
  [2, (at) => ({ kind: 'broker-restart', at })],
  [2, rolling],
  [4, machineDies],
  [2, halfDies],
  [3, storeFull],
  [3, longSilence],
  [16, ambush],
];

const deafMsMin = 14_500;

const weightSum = draws.reduce((sum, [weight]) => sum + weight, 0);

/** The writer of a long batch dies or is cut off in the midst of it, if there is one. */
export function drawTornBatches(fromMs: number, chance: Random): readonly Fault[] {
  return [1, 2, 3].map(() => ({
    kind: 'ambush',
    at: fromMs,
    moment: 'rest of a batch',
    deed: chance.pick(deeds['rest of a batch']),
    waitMs: chance.chance(0.7) ? 0 : chance.spread(0.1, 20),
    ms: chance.spread(2_000, 9_000),
  }));
}

/** Long enough for an actor to be placed elsewhere, and for somebody to call it there. In a run that
 *  is quiet otherwise: whatever is written on an island shows at once that it is one. */
export function drawIslands(
  span: { readonly fromMs: number; readonly untilMs: number },
  places: Places,
  chance: Random,
): readonly Fault[] {
  const islands: Fault[] = [];
  for (let at = span.fromMs + 2_000; at < span.untilMs - 4_000; at += 9_000) {
    const node = chance.pick(places.nodes);
    const scheduler = chance.pick(places.schedulers);
    islands.push({ kind: 'island', at, node, scheduler, ms: chance.spread(4_000, 8_000) });
  }
  return islands;
}

/** Pauses of the loops of nodes, as collections of garbage are. */
export function drawStalls(
  span: { readonly fromMs: number; readonly untilMs: number },
  places: Places,
  chance: Random,
): readonly Fault[] {
  return Array.from({ length: chance.whole(1, 4) }, () => {
    const at = span.fromMs + chance.next() * (span.untilMs - span.fromMs);
    return { kind: 'stall', at, host: chance.pick(places.nodes), ms: chance.spread(500, 8_000) };
  });
}

/** Longer than a call is waited for after its deadline; none where a run has no time for that. */
export function drawDeaf(
  span: { readonly fromMs: number; readonly untilMs: number },
  places: Places,
  chance: Random,
): readonly Fault[] {
  const at = span.fromMs + chance.next() * 1_000;
  const ms = chance.whole(deafMsMin, 18_000);
  if (at + ms > span.untilMs) return [];
  return [{ kind: 'deaf', at, scheduler: chance.pick(places.schedulers), ms }];
}

export function drawFaults(
  count: number,
  span: { readonly fromMs: number; readonly untilMs: number },
  places: Places,
  chance: Random,
): readonly Fault[] {
  const faults: Fault[] = [];
  for (let number = 0; number < count; number++) {
    const at = span.fromMs + chance.next() * (span.untilMs - span.fromMs);
    const fault = drawOne(at, places, chance);
    faults.push(fault);
    // Misfortunes like company: what interests most lies close together.
    if (chance.chance(0.35)) {
      const soon = Math.min(span.untilMs, at + chance.spread(1, 1_500));
      faults.push(drawOne(soon, places, chance));
    }
  }
  return faults.sort((left, right) => left.at - right.at);
}

function drawOne(at: number, places: Places, chance: Random): Fault {
  let drawn = chance.next() * weightSum;
  for (const [weight, draw] of draws) {
    drawn -= weight;
    if (drawn < 0) return draw(at, places, chance);
  }
  return { kind: 'resign', at };
}

function crash(at: number, host: string, chance: Random): Fault {
  const downMs = chance.spread(30, 5_000);
  const notice = chance.chance(0.6);
  const fault = { kind: 'crash', at, host, downMs, notice } as const;
  return chance.chance(0.6) ? { ...fault, events: chance.whole(0, 25) } : fault;
}

function still(at: number, host: string, chance: Random): Fault {
  return { kind: 'stand-still', at, host, ms: chance.spread(100, 9_000) };
}

function partition(at: number, places: Places, chance: Random): Fault {
  const all = [...places.nodes, ...places.schedulers, 'store', 'etcd'];
  const share = chance.next() * 0.6;
  const hosts = all.filter(() => chance.chance(share));
  if (hosts.length === 0) hosts.push(chance.pick(all));
  return { kind: 'partition', at, hosts, ms: chance.spread(200, 7_000) };
}

function rolling(at: number, _places: Places, chance: Random): Fault {
  const kind = chance.chance(0.6) ? 'rolling-upgrade' : 'rolling-downgrade';
  return { kind, at, gapMs: chance.spread(300, 2_000) };
}

function machineDies(at: number, places: Places, chance: Random): Fault {
  const hosts = [chance.pick(places.schedulers), chance.pick(places.nodes)];
  if (chance.chance(0.5)) hosts.push(chance.pick(places.nodes));
  const downMs = chance.spread(100, 8_000);
  return {
    kind: 'machine-dies',
    at,
    hosts: [...new Set(hosts)],
    downMs,
    notice: chance.chance(0.4),
  };
}

function halfDies(at: number, places: Places, chance: Random): Fault {
  const hosts = places.nodes.filter(() => chance.chance(0.5));
  if (hosts.length === 0) hosts.push(chance.pick(places.nodes));
  return {
    kind: 'half-dies',
    at,
    hosts,
    downMs: chance.spread(100, 5_000),
    notice: chance.chance(0.5),
  };
}

function storeFull(at: number, _places: Places, chance: Random): Fault {
  return { kind: 'store-full', at, ms: chance.spread(200, 6_000) };
}

/** Longer than anything is waited for, but for what waits for ever. */
function longSilence(at: number, places: Places, chance: Random): Fault {
  const host = chance.pick([...places.nodes, ...places.schedulers]);
  return { kind: 'stand-still', at, host, ms: chance.spread(10_000, 90_000) };
}

export const deeds: { readonly [M in Moment]: readonly Deed[] } = {
  append: ['kill-it', 'stop-it', 'cut-it-from-the-store', 'forsake-it'],
  'rest of a batch': ['kill-it', 'kill-it', 'cut-it-from-the-store'],
  seal: ['kill-it', 'stop-it', 'resign', 'kill-a-node-and-the-leaders'],
  image: ['kill-the-leader', 'kill-a-node-and-the-leaders', 'stop-the-leader', 'resign', 'kill-it'],
  takeover: ['kill-it', 'kill-a-node-and-the-leaders', 'stop-it', 'resign', 'kill-another-node'],
  restore: ['drain-it', 'ask-it-to-leave', 'kill-it', 'stop-it', 'kill-the-leader'],
  released: ['kill-it', 'kill-the-leader', 'kill-another-node', 'forsake-it'],
  rebased: ['kill-it', 'kill-the-leader', 'resign'],
  'place arrives': ['kill-it', 'kill-the-leader', 'drain-it', 'stop-it'],
  'prepare arrives': ['kill-it', 'drain-it', 'kill-the-leader', 'kill-another-node', 'stop-it'],
  'prepared arrives': ['kill-it', 'kill-the-leader', 'kill-another-node', 'cut-it-from-the-store'],
  'drain arrives': ['kill-it', 'kill-the-leader', 'drain-it-and-kill-the-leader'],
  'run-task arrives': ['kill-it', 'stop-it', 'kill-the-leader'],
  'call arrives': [
    'kill-a-node-and-the-leaders',
    'kill-it',
    'stop-it',
    'drain-it',
    'drain-it-and-kill-the-leader',
  ],
};

function ambush(at: number, _places: Places, chance: Random): Fault {
  const moment = chance.pick(momentNames);
  const deed = chance.pick(deeds[moment]);
  const waitMs = chance.chance(0.4) ? 0 : chance.spread(0.1, 60);
  return { kind: 'ambush', at, moment, deed, waitMs, ms: chance.spread(100, 9_000) };
}

function forsake(at: number, places: Places, chance: Random): Fault {
  return { kind: 'forsake', at, host: chance.pick(places.nodes), ms: chance.spread(1_500, 12_000) };
}

function island(at: number, places: Places, chance: Random): Fault {
  const node = chance.pick(places.nodes);
  const scheduler = chance.pick(places.schedulers);
  return { kind: 'island', at, node, scheduler, ms: chance.spread(2_000, 12_000) };
}

function cut(at: number, places: Places, chance: Random): Fault {
  const all = [...places.nodes, ...places.schedulers];
  const from = chance.pick(all);
  const drawn = chance.chance(0.5) ? chance.pick(['store', 'etcd']) : chance.pick(all);
  // From itself nobody is cut off: from the one after it.
  const to = drawn === from ? (all[(all.indexOf(from) + 1) % all.length] ?? 'store') : drawn;
  const ms = chance.spread(200, 7_000);
  return chance.chance(0.5)
    ? { kind: 'cut', at, from, to, ms }
    : { kind: 'cut', at, from: to, to: from, ms };
}

function weather(at: number, _places: Places, chance: Random): Fault {
  const kinds: readonly Partial<Weather>[] = [
    { loss: chance.next() * 0.4 },
    { double: chance.next() * 0.5, reorder: 0.3 },
    { delayMsMax: chance.spread(50, 1_500), reorder: 0.2 },
    { storeLoss: chance.next() * 0.4 },
    { storeMsMax: chance.spread(50, 900), storeLoss: 0.1 },
    { storeMsMax: chance.spread(600, 3_000) },
  ];
  return { kind: 'weather', at, weather: chance.pick(kinds), ms: chance.spread(300, 6_000) };
}

function serverStill(at: number, _places: Places, chance: Random): Fault {
  const server = chance.chance(0.6) ? 'store' : 'etcd';
  return { kind: 'server-still', at, server, ms: chance.spread(100, 5_000) };
}

function clockJump(at: number, places: Places, chance: Random): Fault {
  const host = chance.pick([...places.nodes, ...places.schedulers]);
  const ms = Math.round(chance.spread(20, 7_200_000)) * (chance.chance(0.5) ? 1 : -1);
  return { kind: 'clock-jump', at, host, ms };
}
