/** Everything that a seed decides before the first event: who is there, what is asked, what fails. */
import type { Workflow } from '@troupe/model';
import type { Timings, Weather } from '@troupe/virtual';
import { Random } from '@troupe/virtual';
import {
  type Clocks,
  drawClocks,
  drawDamage,
  drawGroups,
  drawLimits,
  drawNewer,
  drawPressure,
  drawRebalance,
  drawTimings,
  drawUnread,
  drawWeather,
  type NarrowLimits,
} from './conditions.ts';
import {
  drawDeaf,
  drawFaults,
  drawIslands,
  drawStalls,
  drawTornBatches,
  type Fault,
  type Places,
} from './faults.ts';
import type { Operation } from './load.ts';
import { drawLoads, hasLoad, type LoadWishes, shareOf } from './loads.ts';
import { drawMigrations } from './migrations.ts';
import { drawNests } from './nests.ts';
import { owningSessionMs } from './owners.ts';
import { drawPlaces } from './places.ts';
import { drawScope } from './savepoints.ts';
import { drawScene, type Scene } from './scene.ts';
import { drawCordons } from './scene-load.ts';
import { drawTenants } from './tenants.ts';
import { drawVaultCount } from './vaults.ts';

export interface Plan {
  readonly seed: number;
  readonly places: Places;
  readonly weather: Weather;
  readonly timings: Timings;
  readonly limits: NarrowLimits;
  /** By host: speed and error of its clocks. */
  readonly clocks: ReadonlyMap<string, Clocks>;
  /** Hosts that begin with the newer version. */
  readonly newer: ReadonlySet<string>;
  /** Weights of the tenants beside the usual one. */
  readonly tenants: ReadonlyMap<string, number>;
  /** Workflows that are deployed beside those that every run has; plans of before have none. */
  readonly nests?: readonly Workflow[];
  /** Nodes and tasks that are particular; most runs have none, and so have plans of before. */
  readonly scene?: Scene | undefined;
  /** The scope that all actors share, if they do; plans of before have none. */
  readonly scope?: string | undefined;
  readonly faults: readonly Fault[];
  readonly operations: ReadonlyMap<string, readonly Operation[]>;
  /** When the last fault ends and everything is mended. */
  readonly healAt: number;
}

export interface PlanWishes extends LoadWishes {
  readonly nodes?: number | undefined;
  /** As few are by themselves. */
  readonly busy?: boolean | undefined;
  /** Numbers of faults that are left out. */
  readonly without?: readonly number[] | undefined;
}

/** Seeds in which much comes together; the others are light, so that many are soon run. */
const busyShare = 0.08;
/** Seeds with runs of workflows of all kinds, of the busy ones. */
const nestsShare = 0.45;
/** Messages that come again where a scope may have gone back in time. */
const lateShare = 0.05;
/** Seeds with a scheduler that hears no node for long, where there is time for it. */
const deafShare = 0.08;
const stallsShare = 0.2;
const rebalanceShare = 0.25;
const groupsShare = 0.25;
const pressureShare = 0.25;
/** Seeds in which checkpoints are damaged, and soon too old. */
const damagedSeeds = 0.3;
/** Seeds with nodes, tasks and tenants of many kinds, of the busy ones. */
const sceneShare = 0.22;
/** Seeds in which an operator moves actors. */
const migrationsShare = 0.35;
/** From so many nodes on a run is shorter, and its load wider. */
const largeNodesMin = 50;

export function drawPlan(seed: number, wishes: PlanWishes = {}): Plan {
  const chance = new Random(seed).fork('plan');
  const places = drawPlaces(seed, wishes.nodes, chance.fork('places'));
  const large = places.nodes.length >= largeNodesMin;
  const busy = wishes.busy === true || chance.fork('busy').chance(busyShare);
  const healAt = drawHealAt(large, busy, chance);
  const span = { fromMs: 1_500, untilMs: healAt - 500 };
  const load = chance.fork('load');
  const narrow = drawLimits(chance.fork('limits'));
  const wide = narrow.recordBytesMax !== undefined;
  const quiet = !large && chance.fork('quiet').chance(0.06);
  const count = drawCount(large, chance);
  const tenants = drawTenants(large, chance.fork('tenants'));
  // Its tasks make the manifest too large for a narrow record.
  const hasScene = !large && !wide && chance.fork('has scene').chance(shareOf(sceneShare, busy));
  const scene = hasScene ? drawScene(places.nodes, tenants, chance.fork('scene')) : undefined;
  const faults = [
    ...drawFaults(quiet ? 2 : count, span, places, chance.fork('faults')),
    ...(quiet ? drawIslands(span, places, chance.fork('islands')) : []),
    ...(wide ? drawTornBatches(span.fromMs, chance.fork('torn batches')) : []),
    ...(chance.fork('has deaf').chance(deafShare)
      ? drawDeaf(span, places, chance.fork('deaf'))
      : []),
    ...(!large && chance.fork('has migrations').chance(migrationsShare)
      ? drawMigrations(span, places, chance.fork('migrations'))
      : []),
    ...(chance.fork('has stalls').chance(stallsShare)
      ? drawStalls(span, places, chance.fork('stalls'))
      : []),
    ...(hasScene ? drawCordons(places.nodes, span, chance.fork('cordons')) : []),
  ];
  const shape = {
    keys: large ? Math.ceil(places.nodes.length * 1.5) : load.whole(2, 8),
    operations: large ? 30 : quiet ? load.whole(1, 4) : drawOperationCount(busy, load),
    // Values so large that a few turns fill a record.
    wide,
    ...span,
  };
  const hasNests = chance.fork('has nests').chance(shareOf(nestsShare, busy));
  const nests = hasNests ? drawNests(chance.fork('nests')) : [];
  const scope = drawScope(chance.fork('scope'));
  const vaults = drawVaultCount(chance.fork('vaults'));
  const ground = { shape, quiet, busy, places, faults, nests, scene, scope, tenants, vaults };
  const hasVaults = hasLoad('vaults', ground, chance);
  const operations = drawLoads(ground, { chance, load }, wishes);
  const hasDamage = chance.fork('has damaged').chance(damagedSeeds);
  const timings = drawTimings(chance.fork('timings'));
  return {
    seed,
    places,
    weather: {
      ...drawWeather(chance.fork('weather')),
      ...drawUnread(chance.fork('unread')),
      ...(hasVaults ? { late: lateShare } : {}),
    },
    timings: {
      ...timings,
      ...(chance.fork('has rebalance').chance(rebalanceShare)
        ? { rebalance: drawRebalance(chance.fork('rebalance')) }
        : {}),
      ...(hasDamage ? drawDamage(chance.fork('damaged')) : {}),
      ...(chance.fork('has groups').chance(groupsShare)
        ? { autoscale: drawGroups(chance.fork('groups')) }
        : {}),
      ...(chance.fork('has pressure').chance(pressureShare)
        ? { pressure: drawPressure(timings, chance.fork('pressure')) }
        : {}),
    },
    limits: {
      ...withRoomForTaken(hasDamage, hasVaults ? withRoomForDead(narrow) : narrow),
      ...(scene?.standoff === undefined ? {} : { roomAgeMs: scene.standoff.roomAgeMs }),
      owningSessionMs,
    },
    clocks: drawClocks(places, chance.fork('clocks')),
    newer: drawNewer(places, chance.fork('versions')),
    tenants,
    nests,
    scene,
    scope,
    faults: faults.filter((_, number) => wishes.without?.includes(number) !== true),
    operations,
    healAt,
  };
}

/** Nobody looks after the dead letters of vaults, which would wait for room for ever. */
function withRoomForDead({
  deadLettersMax: _,
  deadRoomMs: __,
  ...narrow
}: NarrowLimits): NarrowLimits {
  return narrow;
}

/** In an older checkpoint letters wait that were taken since: who is brought back by it when all is well would be refused
 *  its first call. */
function withRoomForTaken(hasDamage: boolean, limits: NarrowLimits): NarrowLimits {
  if (!hasDamage) return limits;
  const { outboxLettersMax: _, ...others } = limits;
  return others;
}

/** Some runs are long, with much silence in between: what is idle leaves memory. */
function drawHealAt(large: boolean, busy: boolean, chance: Random): number {
  if (large) return chance.whole(6_000, 9_000);
  if (chance.chance(0.03)) return chance.whole(60_000, 150_000);
  return busy ? chance.whole(8_000, 26_000) : chance.whole(5_000, 11_000);
}

/** Of each client, beside what other loads ask. */
function drawOperationCount(busy: boolean, load: Random): number {
  return busy ? load.whole(6, 32) : load.whole(1, 4);
}

function drawCount(large: boolean, chance: Random): number {
  return chance.chance(0.05) ? 1 : chance.whole(3, large ? 8 : 12);
}
