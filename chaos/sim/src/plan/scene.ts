/**
 * A scene: nodes that differ, tasks that are particular about where they run, and tenants with
 * priorities, quotas and queues. What a scene asks for can be had as soon as all nodes are there: its
 * first two nodes are of different zones, and the first has two GPUs.
 */
import type {
  Labels,
  NeighbourTerm,
  PlacementWishes,
  PlaceShape,
  PriorityName,
  RequestBody,
  Resources,
  Selector,
  TaskManifest,
} from '@troupe/model';
import { strategyNames } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { nodeResources } from '../node/resources.ts';

export interface Site {
  readonly resources: Resources;
  readonly labels: Labels;
}

/** What of a tenant is set: what is absent stays as it is. */
export type TenantWish = Omit<
  Extract<RequestBody, { kind: 'put-tenant' }>,
  'kind' | 'tenant' | 'existing'
>;

export interface Scene {
  /** By host. */
  readonly sites: ReadonlyMap<string, Site>;
  /** Declared beside those that every run has. */
  readonly tasks: readonly TaskManifest[];
  /** As they are put at the beginning. */
  readonly tenants: ReadonlyMap<string, TenantWish>;
  /** What is held for `reservedTenant` from the beginning; plans of before have none. */
  readonly reserved?: { readonly shape: PlaceShape; readonly count: number } | undefined;
  /** The rivals stand in each other's way; plans of before have none that do. */
  readonly standoff?: Standoff | undefined;
}

/** Each rival has half of all licences reserved for it, and then asks for more than its own at once. */
export interface Standoff {
  readonly placesEach: number;
  /** How soon who waits for room counts as having waited for long. */
  readonly roomAgeMs: number;
}

/** Its tasks are of all kinds and priorities, in queues and with due times. */
export const mixedTenant = 'lab';
/** Its tasks differ in nothing but their priority or their queue. */
export const evenTenant = 'ward';
/** Its tasks are few, and some room is held for them. */
export const reservedTenant = 'clinic';
export const reservation = 'beds';
/** Their tasks need what only the first node has. */
export const rivals = ['east', 'west'] as const;
export const licensed = 'licensed';
export const licence = 'licence';
export const queues = ['fast', 'slow'] as const;
export const priorities: readonly PriorityName[] = ['high', 'normal', 'low'];

/** Scenes in which room is held for a tenant. */
const reservedShare = 0.6;
const standoffShare = 0.6;

/** No gang and no task of a scene is wider, so that no quota stops one for ever. */
const inFlightLeast = 4;
const cpuLeast = 6;

/** `weights`: those of the tenants that there are beside. */
export function drawScene(
  nodes: readonly string[],
  weights: ReadonlyMap<string, number>,
  chance: Random,
): Scene {
  const beside = [...weights].map(([name, weight]): readonly [string, TenantWish] => {
    return [name, { weight, priority: chance.pick(priorities) }];
  });
  const reserves = chance.fork('reserves');
  const hasReserved = reserves.chance(reservedShare);
  const standoff = drawStandoff(chance.fork('standoff'));
  const sites = new Map(nodes.map((node, index) => [node, drawSite(index, chance)]));
  const tasks = drawTasks(chance);
  return {
    sites:
      standoff === undefined ? sites : withLicences(sites, rivals.length * standoff.placesEach),
    tasks: standoff === undefined ? tasks : [...tasks, licensedTask],
    reserved: hasReserved ? drawReserved([...sites.values()], reserves) : undefined,
    standoff,
    tenants: new Map<string, TenantWish>([
      ...(hasReserved ? [[reservedTenant, { weight: 1 }] as const] : []),
      ...beside,
      [mixedTenant, { weight: chance.whole(1, 4), ...drawSettings(chance) }],
      [
        evenTenant,
        {
          weight: chance.whole(1, 4),
          priority: chance.pick(priorities),
          queues: drawQueues(chance),
        },
      ],
      ...(standoff === undefined ? [] : rivals.map((name) => [name, { weight: 1 }] as const)),
    ]),
  };
}

function drawStandoff(chance: Random): Standoff | undefined {
  if (!chance.chance(standoffShare)) return undefined;
  return { placesEach: chance.whole(1, 3), roomAgeMs: chance.whole(500, 3_000) };
}

/** The first node has them, and nobody else needs any. */
function withLicences(sites: ReadonlyMap<string, Site>, count: number): ReadonlyMap<string, Site> {
  return new Map(
    [...sites].map(([host, { resources, labels }], index) => {
      return [
        host,
        { resources: index === 0 ? { ...resources, [licence]: count } : resources, labels },
      ];
    }),
  );
}

const licensedTask: TaskManifest = {
  name: licensed,
  resources: { [licence]: 1 },
  retries: 6,
  backoffMs: [100, 300],
  limitMs: 60_000,
};

/** So little that there is room for whatever else a scene asks for. */
export function drawReserved(
  sites: readonly Site[],
  chance: Random,
): NonNullable<Scene['reserved']> {
  // Two may be on one node, and must not be on the only one of a zone: gangs go nowhere else.
  const zones = sites.map(({ labels }) => labels['zone']);
  const isWide = ['a', 'b'].every((zone) => zones.filter((one) => one === zone).length > 1);
  const count = isWide ? chance.whole(1, 2) : 1;
  // Nor a GPU where there are two: tasks that need both may have no other node.
  const gpus = sites.map(({ resources }) => resources['gpu'] ?? 0);
  const hasGpus = gpus.some((count) => count > 2) && !gpus.includes(2);
  if (!hasGpus || chance.chance(0.6)) return { shape: { resources: { cpu: 1 } }, count };
  return { shape: { resources: { cpu: 1, gpu: 1 } }, count: 1 };
}

/** What the node of this host has and is. */
export function siteOf(scene: Scene | undefined, host: string): Site {
  return scene?.sites.get(host) ?? { resources: nodeResources, labels: {} };
}

/** A quota with some of its limits, the weights of the queues, perhaps a priority and a strategy. */
export function drawSettings(chance: Random): TenantWish {
  const strategies = chance.fork('strategy');
  const strategy = strategies.chance(0.2) ? null : strategies.pick(strategyNames);
  return {
    ...(strategies.chance(0.4) ? { strategy } : {}),
    ...(chance.chance(0.5) ? { priority: chance.pick(priorities) } : {}),
    quota: {
      inFlightMax: chance.chance(0.5) ? chance.whole(inFlightLeast, 8) : null,
      cpuMax: chance.chance(0.3) ? chance.whole(cpuLeast, 12) : null,
      startsPerSecondMax: chance.chance(0.25) ? chance.whole(4, 20) : null,
      queuedMax: chance.chance(0.3) ? chance.whole(6, 25) : null,
    },
    queues: drawQueues(chance),
  };
}

export function drawQueues(chance: Random): NonNullable<TenantWish['queues']> {
  return queues.map((queue) => ({ queue, weight: chance.pick([1, 1, 2, 3, 5]) }));
}

function drawSite(index: number, chance: Random): Site {
  const zones = ['a', 'b'];
  const zone = index < zones.length ? (zones[index] ?? 'a') : chance.pick(zones);
  const gpu = index === 0 ? chance.pick([2, 4]) : chance.pick([0, 0, 1, 2, 4]);
  const labels = { zone, disk: chance.pick(['fast', 'slow']) };
  if (gpu === 0) return { resources: { ...nodeResources }, labels };
  const model = index === 0 ? 'new' : chance.pick(['new', 'old']);
  return {
    resources: { ...nodeResources, gpu },
    labels: { ...labels, 'gpu-model': model },
  };
}

function drawTasks(chance: Random): readonly TaskManifest[] {
  const of = (name: string, resources: Resources, placement: PlacementWishes = {}, retries = 6) => {
    const strategy = chance.chance(0.5) ? { strategy: chance.pick(strategyNames) } : {};
    const tries = { retries, backoffMs: [100, 300], limitMs: 60_000 };
    return { name, resources, ...tries, placement: { ...placement, ...strategy } };
  };
  const model = chance.chance(0.5) ? { gpuModels: ['new'] } : {};
  return [
    of('plain', { cpu: 1 }),
    of('bulk', { cpu: 2 }),
    of('spared', { cpu: 1 }, {}, 0),
    of('pusher', { cpu: 3 }, { preempts: true }),
    of('picky', { cpu: 1 }, { nodes: where('zone', chance.pick(['a', 'b'])) }),
    of('loner', { cpu: 0.5 }, { labels: { role: 'loner' }, apart: [among('loner', 'node')] }),
    of('friend', { cpu: 0.5 }, { labels: { role: 'friend' }, near: [among('friend', 'zone')] }),
    of(
      'even',
      { cpu: 0.5 },
      {
        labels: { role: 'even' },
        spread: [{ ...among('even', 'zone'), skewMax: 1, required: true }],
      },
    ),
    of('sliver', { cpu: 0.5, gpu: chance.pick([0.3, 0.5]) }, model),
    of('whole', { cpu: 0.5, gpu: chance.pick([1, 2]) }, model),
    of('halves', { cpu: 0.5 }, { ...model, gpus: { count: 2, milli: chance.pick([400, 600]) } }),
  ];
}

function where(label: string, value: string): Selector {
  return [{ label, op: 'in', values: [value] }];
}

function among(role: string, across: string): NeighbourTerm {
  return { tasks: where('role', role), across };
}
