/**
 * What clients ask for, load by load. A seed draws all of it from here: so each load can be left out
 * by its name, and none is forgotten when a failure is tried with less.
 */
import type { Workflow } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { drawConfigs } from './configs.ts';
import type { Fault, Places } from './faults.ts';
import { drawGuardians } from './guardians.ts';
import { drawJourneys } from './journeys.ts';
import { drawKeyedCalls } from './keyed-calls.ts';
import { drawLetterLoad } from './letter-load.ts';
import { drawLives } from './lives.ts';
import { drawOperations, type LoadShape, type Operation } from './load.ts';
import { drawNestedRuns } from './nested-runs.ts';
import { drawOwners } from './owners.ts';
import { drawRollouts } from './rollouts.ts';
import { drawSavepoints } from './savepoints.ts';
import type { Scene } from './scene.ts';
import { drawRivals, drawSceneLoad } from './scene-load.ts';
import { drawStreams } from './streams.ts';
import { drawTenantTasks } from './tenants.ts';
import { drawTimerLoad } from './timer-load.ts';
import { drawTopicLoad } from './topic-load.ts';
import { drawVaultLoad } from './vaults.ts';
import { drawVisits } from './visits.ts';

/** What a seed has drawn before its loads. */
export interface LoadGround {
  readonly shape: LoadShape;
  readonly quiet: boolean;
  /** Much comes together. */
  readonly busy: boolean;
  readonly places: Places;
  readonly faults: readonly Fault[];
  readonly nests: readonly Workflow[];
  readonly scene: Scene | undefined;
  readonly scope: string | undefined;
  readonly tenants: ReadonlyMap<string, number>;
  readonly vaults: number;
}

export interface LoadWishes {
  /** Loads that are left out. */
  readonly withoutLoads?: readonly LoadName[] | undefined;
  /** Operations of each client that are kept in each load. */
  readonly operations?: number | undefined;
}

/** `askers`: the clients that ask for the load. */
type Asked = LoadGround & {
  readonly askers: readonly string[];
  /** What is in the load as far as it is the same for all clients. */
  readonly common: Random;
};

interface Load {
  /** Of the busy seeds that can have it; all have it when absent, where there is anything to ask. */
  readonly share?: number;
  readonly cannot?: (ground: LoadGround) => boolean;
  /** All clients ask for it, also in light seeds. */
  readonly ofAll?: true;
  readonly draw: (client: string, ground: Asked, chance: Random) => readonly Operation[];
}

const isFirst = (client: string, { askers }: Asked): boolean => client === askers[0];

const loads = {
  calls: {
    ofAll: true,
    draw: (client, { shape }, chance) => drawOperations(client, shape, chance),
  },
  /** The faults that they show are rare enough. */
  visits: {
    ofAll: true,
    draw: (client, { shape, faults, places }, chance) =>
      drawVisits(client, { faults, keys: shape.keys, schedulers: places.schedulers }, chance),
  },
  /** Runs of workflows of all kinds. */
  nests: {
    draw: (client, { shape, nests }, chance) => drawNestedRuns(client, { nests, ...shape }, chance),
  },
  /** Timers of actors and letters that wait. */
  timers: {
    share: 0.4,
    draw: (client, { shape }, chance) => drawTimerLoad(client, shape, chance),
  },
  topics: {
    share: 0.4,
    draw: (client, { shape }, chance) => drawTopicLoad(client, shape, chance),
  },
  scene: {
    draw: (client, { shape, scene }, chance) => drawSceneLoad(client, { scene, ...shape }, chance),
  },
  /** Tenants that stand in each other's way. */
  rivals: {
    draw: (client, ground, chance) => {
      const { scene, shape } = ground;
      return isFirst(client, ground) ? drawRivals({ scene, ...shape }, chance) : [];
    },
  },
  /** Turns that wait, race and undo. */
  journeys: {
    share: 0.5,
    cannot: ({ quiet }) => quiet,
    draw: (client, { shape }, chance) => drawJourneys(client, shape, chance),
  },
  /** Letters of actors and of clients that fail, and somebody who looks after the dead ones. */
  letters: {
    share: 0.35,
    draw: (client, { shape }, chance) => drawLetterLoad(client, shape, chance),
  },
  /** Actors are destroyed and paused. */
  lives: {
    share: 0.3,
    draw: (client, { shape }, chance) => drawLives(client, shape, chance),
  },
  /** Actors end with their owners. */
  owners: {
    share: 0.3,
    draw: (client, { shape }, chance) => drawOwners(client, shape, chance),
  },
  /** Actors hear what becomes of others. */
  guardians: {
    share: 0.3,
    draw: (_client, { shape }, chance) => drawGuardians(shape, chance),
  },
  /** Clients take what methods yield. */
  streams: {
    share: 0.35,
    draw: (client, { shape }, chance) => drawStreams(client, shape, chance),
  },
  /** Clients share idempotency keys. */
  keys: {
    share: 0.4,
    draw: (_client, { shape, places: { schedulers }, common }, chance) =>
      drawKeyedCalls({ ...shape, schedulers, common }, chance),
  },
  /** What the tenant is configured with is changed. */
  configs: {
    share: 0.35,
    draw: (_client, { shape }, chance) => drawConfigs(shape, chance),
  },
  /** Actors go over to the other bundle, and back. */
  rollouts: {
    share: 0.3,
    draw: (client, ground, chance) =>
      isFirst(client, ground) ? drawRollouts(ground.shape, chance) : [],
  },
  savepoints: {
    draw: (client, { shape, scope }, chance) => drawSavepoints(client, { scope, ...shape }, chance),
  },
  tenants: {
    draw: (client, { shape, tenants }, chance) =>
      drawTenantTasks(client, { tenants, ...shape }, chance),
  },
  /** A scope goes back in time. */
  vaults: {
    share: 0.3,
    cannot: ({ shape }) => shape.wide,
    draw: (client, ground, chance) => {
      const { shape, vaults: count } = ground;
      return drawVaultLoad(client, { count, rewinds: isFirst(client, ground), ...shape }, chance);
    },
  },
} as const satisfies { readonly [name: string]: Load };

export type LoadName = keyof typeof loads;

export const loadNames: readonly LoadName[] = Object.keys(loads).filter(isLoadName);

export function isLoadName(text: string): text is LoadName {
  return Object.hasOwn(loads, text);
}

/** Whether a seed has the load; each is drawn by itself. */
export function hasLoad(name: LoadName, ground: LoadGround, chance: Random): boolean {
  const { share, cannot }: Load = loads[name];
  if (cannot?.(ground) === true) return false;
  return share === undefined || chance.fork(`has ${name}`).chance(shareOf(share, ground.busy));
}

/** Of seeds that have something: of the light ones a third as many as of the busy ones. */
export function shareOf(share: number, busy: boolean): number {
  return busy ? share : share / 3;
}

/** By client. `chance` says which loads there are, `load` what is in them. */
export function drawLoads(
  ground: LoadGround,
  { chance, load }: { readonly chance: Random; readonly load: Random },
  { withoutLoads = [], operations }: LoadWishes,
): ReadonlyMap<string, readonly Operation[]> {
  const names = loadNames.filter(
    (name) => !withoutLoads.includes(name) && hasLoad(name, ground, chance),
  );
  const askers = new Map(names.map((name) => [name, askersOf(name, ground, chance)]));
  const drawn = (client: string, name: LoadName): readonly Operation[] => {
    const { draw }: Load = loads[name];
    const asking = askers.get(name) ?? [];
    if (!asking.includes(client)) return [];
    const own = load.fork(name === 'calls' ? client : `${client}/${name}`);
    const common = load.fork(`all/${name}`);
    return draw(client, { ...ground, askers: asking, common }, own).slice(0, operations);
  };
  return new Map(
    ground.places.clients.map((client) => [client, names.flatMap((name) => drawn(client, name))]),
  );
}

/** In a light seed every second client asks for a load. */
function askersOf(
  name: LoadName,
  { busy, places: { clients } }: LoadGround,
  chance: Random,
): readonly string[] {
  const { ofAll }: Load = loads[name];
  if (busy || ofAll === true) return clients;
  const from = chance.fork(`asks for ${name}`).whole(0, 1);
  return clients.filter((_, index) => index % 2 === from);
}
