/** The circumstances of one run: weather, configuration, clocks, versions, limits. */
import { limits } from '@troupe/model';
import type { Random, Timings, Weather } from '@troupe/virtual';
import type { Places } from './faults.ts';

const unreadSeeds = 0.25;

/** Limits that are narrower in this run, so that a small load reaches them. */
export type NarrowLimits = { readonly [K in keyof typeof limits]?: number };

export interface Clocks {
  readonly rate: number;
  readonly offsetMs: number;
}

export function drawWeather(chance: Random): Weather {
  const rough = chance.chance(0.4);
  // A few networks are as bad as one can still work with.
  const bad = rough && chance.chance(0.15) ? 5 : 1;
  return {
    delayMsMin: 0.1,
    delayMsMax: chance.spread(0.5, 40),
    loss: rough ? chance.next() * 0.05 * bad : 0,
    double: rough ? chance.next() * 0.05 * bad : 0,
    reorder: chance.chance(0.3) ? chance.next() * 0.2 : 0,
    storeLoss: rough ? chance.next() * 0.03 * bad : 0,
    storeMsMax: chance.spread(0.5, 40),
  };
}

/** Share of tries in which an actor cannot be brought back, in some runs. */
export function drawUnread(chance: Random): Pick<Weather, 'unread'> {
  return chance.chance(unreadSeeds) ? { unread: chance.pick([0.1, 0.3, 0.6]) } : {};
}

export function drawTimings(chance: Random): Timings {
  const heartbeatMs = chance.pick([300, 500, 1_000]);
  return {
    heartbeatMs,
    nodeSilenceMs: heartbeatMs * 3,
    probeMs: 300,
    resendMs: chance.pick([300, 600, 1_000]),
    leaseMs: chance.pick([1_500, 3_000]),
    checkpointTurns: chance.pick([1, 2, 5, 20, 1_000]),
    checkpointMs: chance.pick([400, 2_000, 60_000]),
    idleMs: chance.pick([700, 3_000, 300_000]),
    rebaseMs: chance.pick([0, 300, 2_000, 20_000]),
    runners: chance.pick([1, 1, 2]),
    imageEveryFacts: chance.pick([3, 10, 30, 100]),
    drainMs: chance.pick([1_000, 4_000, 10_000]),
    bytesFactor: chance.pick([1, 2_000, 20_000, 20_000]),
    // Scopes are small here.
    wholeClockMax: 0,
    leaderLooksAtLease: chance.chance(0.6),
  };
}

export function drawRebalance(chance: Random): NonNullable<Timings['rebalance']> {
  return {
    periodMs: chance.pick([1_500, 3_000, 5_000]),
    imbalanceShare: chance.pick([0.1, 0.25, 0.5]),
    migrationsMax: chance.whole(1, 4),
  };
}

export function drawDamage(
  chance: Random,
): Required<Pick<Timings, 'damagedShare' | 'versionsMs' | 'incrementBytesMin'>> {
  return {
    damagedShare: chance.pick([0.1, 0.5, 1]),
    versionsMs: chance.pick([500, 3_000, 60_000]),
    incrementBytesMin: chance.pick([0, 60_000]),
  };
}

/** One group of all nodes, which grows by what waits and falls to its least size. */
export function drawGroups(chance: Random): NonNullable<Timings['autoscale']> {
  const min = chance.pick([0, 1, 2]);
  const group = { name: 'all', labels: {}, min, max: chance.whole(2, 6), tasksPerNode: 1 };
  const idle = min === 0 ? { idleMs: chance.pick([3_000, 10_000]) } : {};
  return { utcOffsetMinutes: 0, groups: [{ ...group, ...idle }] };
}

/** So little can be borne that a wave of tasks, or an image that is late, is too much; at rest there is room for all
 *  facts that no image holds yet. */
export function drawPressure(
  { imageEveryFacts }: Timings,
  chance: Random,
): NonNullable<Timings['pressure']> {
  return {
    tasksMax: chance.pick([1, 1, 2, 3, 6]),
    factsMax: imageEveryFacts * chance.pick([2, 3, 6]),
    downMs: chance.pick([200, 500, 1_500]),
    upMs: chance.pick([500, 1_500]),
  };
}

export function drawClocks(places: Places, chance: Random): ReadonlyMap<string, Clocks> {
  const clocks = new Map<string, Clocks>();
  const drift = chance.chance(0.5) ? 0.03 : 0;
  const skew = chance.pick([0, 300, 20_000, 1_500_000, 10_000_000]);
  for (const host of [...places.nodes, ...places.schedulers, ...places.clients]) {
    const rate = 1 + (chance.next() * 2 - 1) * drift;
    clocks.set(host, { rate, offsetMs: Math.round((chance.next() * 2 - 1) * skew) });
  }
  return clocks;
}

/** Hosts that run the newer version from the beginning: an upgrade that was left half-way. */
export function drawNewer(places: Places, chance: Random): ReadonlySet<string> {
  if (!chance.chance(0.15)) return new Set();
  const share = chance.next();
  return new Set([...places.nodes, ...places.schedulers].filter(() => chance.chance(share)));
}

export function drawLimits(chance: Random): NarrowLimits {
  const narrow: { -readonly [K in keyof NarrowLimits]: number } = {};
  if (chance.chance(0.12)) narrow.mailboxCallsMax = chance.whole(1, 4);
  if (chance.chance(0.12)) narrow.outboxLettersMax = chance.whole(0, 3);
  if (chance.chance(0.12)) narrow.turnsAheadMax = chance.whole(1, 3);
  if (chance.chance(0.12)) narrow.clockActorsMax = chance.whole(1, 4);
  if (chance.chance(0.12)) {
    // In the proportions of the usual ones, which is what makes every fact fit into a record.
    const share = narrowRecordBytes / limits.recordBytesMax;
    narrow.recordBytesMax = narrowRecordBytes;
    narrow.payloadBytesMax = Math.floor(limits.payloadBytesMax * share);
    narrow.deltaBytesMax = Math.floor(limits.deltaBytesMax * share);
    narrow.turnBytesMax = Math.floor(limits.turnBytesMax * share);
    narrow.handedBytesMax = Math.floor(limits.handedBytesMax * share);
  }
  if (chance.chance(0.12)) narrow.timersFlyingMax = chance.whole(1, 3);
  if (chance.chance(0.2)) {
    narrow.deadLettersMax = chance.whole(1, 3);
    narrow.deadRoomMs = chance.whole(300, 3_000);
  }
  if (chance.chance(0.4)) narrow.topicTurnLettersMax = chance.whole(1, 3);
  if (chance.chance(0.3)) narrow.topicFlyingMax = chance.whole(1, 4);
  if (chance.chance(0.3)) narrow.topicKeptMax = chance.whole(1, 4);
  return narrow;
}

/** The manifests of these bundles have up to 12 KB, and like any other must fit into a record. */
const narrowRecordBytes = 14_000;
