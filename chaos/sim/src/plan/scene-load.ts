/** What clients ask for in a scene: tasks of all kinds, gangs, and other settings of tenants. */
import { type GangPolicy, gangPolicies, taskId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import type { Part } from '../node/program.ts';
import type { Fault } from './faults.ts';
import type { Operation } from './load.ts';
import {
  drawQueues,
  drawReserved,
  drawSettings,
  evenTenant,
  licensed,
  mixedTenant,
  priorities,
  queues,
  reservedTenant,
  rivals,
  type Scene,
} from './scene.ts';

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Members reserve at most 6 cores together: what the narrowest quota allows. */
const memberNames: { readonly [P in GangPolicy]: readonly string[] } = {
  PACK: ['plain', 'loner', 'sliver'],
  SPREAD: ['plain', 'picky', 'sliver'],
  STRICT_PACK: ['plain', 'friend'],
  STRICT_SPREAD: ['plain', 'bulk', 'loner'],
};
const crowd = ['bulk', 'spared', 'spared', 'plain', 'pusher'] as const;
/** Every cluster has so many nodes. */
const membersMax = 3;

export function drawSceneLoad(
  client: string,
  { scene, ...span }: Span & { readonly scene: Scene | undefined },
  chance: Random,
): readonly Operation[] {
  if (scene === undefined) return [];
  const waveAt = span.fromMs + chance.next() * 0.6 * (span.untilMs - span.fromMs);
  const names = scene.tasks.flatMap(({ name }) => (name === licensed ? [] : [name]));
  const settled = chance.whole(0, 2);
  const operations = [
    ...drawMixedTasks(client, { names, waveAt }, chance),
    ...drawEvenTasks(client, waveAt, chance),
    ...drawGangs(client, waveAt, chance),
    ...Array.from({ length: settled }, () => drawChange(waveAt, chance)),
    ...drawReservedLoad(client, { scene, waveAt }, chance.fork('reserved')),
  ];
  return operations.sort((left, right) => left.at - right.at);
}

/** The rivals ask at about the same time; each gang is too wide for the places of its own tenant. */
export function drawRivals(
  { scene, fromMs, untilMs }: Span & { readonly scene: Scene | undefined },
  chance: Random,
): readonly Operation[] {
  const { standoff } = scene ?? {};
  if (standoff === undefined) return [];
  const places = standoff.placesEach;
  const from = fromMs + chance.next() * 0.4 * (untilMs - fromMs);
  return rivals.map((tenant): Operation => {
    const at = from + chance.next() * 500;
    const name = `gang-${tenant}`;
    const members = Array.from({ length: chance.whole(places + 1, 2 * places) }, (_, index) => {
      return { id: taskId(`task-${name}-${index}`), name: licensed, parts: drawParts(chance) };
    });
    const policy = chance.pick(['PACK', 'PACK', 'SPREAD'] as const);
    const gang = {
      kind: 'gang',
      at,
      gang: name,
      tenant,
      policy,
      priority: 'normal',
      members,
    } as const;
    return { kind: 'rival', at, places, gang };
  });
}

/** Nodes on which nothing new is placed for a while. */
export function drawCordons(
  nodes: readonly string[],
  { fromMs, untilMs }: Span,
  chance: Random,
): readonly Fault[] {
  return Array.from({ length: chance.whole(0, 3) }, () => ({
    kind: 'cordon',
    at: fromMs + chance.next() * (untilMs - fromMs),
    host: chance.pick(nodes),
    ms: chance.spread(300, 8_000),
  }));
}

function drawMixedTasks(
  client: string,
  { names, waveAt }: { readonly names: readonly string[]; readonly waveAt: number },
  chance: Random,
): readonly Operation[] {
  // Some of these waves are nearly all of one kind, so that such tasks meet; in others so much is taken
  // for long that what may preempt others has to.
  const favourite = chance.pick(names);
  const crowds = chance.chance(0.35);
  const nameOf = (): string => {
    if (crowds) return chance.pick(crowd);
    return chance.chance(0.4) ? favourite : chance.pick(names);
  };
  return Array.from({ length: chance.whole(6, 16) }, (_, number): Operation => {
    const name = nameOf();
    const isLate = crowds && name === 'pusher';
    return {
      kind: 'task',
      at: waveAt + (isLate ? 300 : 0) + chance.next() * (crowds ? 500 : 1_500),
      id: taskId(`task-${client}-mixed${number}`),
      tenant: mixedTenant,
      name,
      parts: crowds && !isLate ? [['sleep', chance.whole(400, 1_800)]] : drawParts(chance),
      // What may preempt others is of some use only then.
      priority:
        name === 'pusher' ? chance.pick(['high', 'high', 'normal']) : chance.pick(priorities),
      ...(chance.chance(0.3) ? { queue: chance.pick(queues) } : {}),
      ...(chance.chance(0.25) ? { dueInMs: Math.round(chance.spread(50, 3_000)) } : {}),
      ...(chance.chance(0.08) ? { cancelAfterMs: Math.round(chance.spread(10, 2_000)) } : {}),
    };
  });
}

/** As long as each other, so that shares can be told apart by counting. */
function drawEvenTasks(client: string, waveAt: number, chance: Random): readonly Operation[] {
  if (chance.chance(0.4)) return [];
  const byQueue = chance.chance(0.4);
  const sleepMs = Math.round(chance.spread(100, 400));
  return Array.from({ length: chance.whole(9, 21) }, (_, number): Operation => {
    const at = waveAt + chance.next() * 300;
    const id = taskId(`task-${client}-even${number}`);
    const share = byQueue
      ? { queue: queues[number % queues.length] ?? queues[0] }
      : { priority: priorities[number % priorities.length] ?? 'normal' };
    const parts: readonly Part[] = [['sleep', sleepMs]];
    return { kind: 'task', at, id, tenant: evenTenant, name: 'plain', parts, ...share };
  });
}

function drawGangs(client: string, waveAt: number, chance: Random): readonly Operation[] {
  return Array.from({ length: chance.whole(0, 2) }, (_, number): Operation => {
    const policy = chance.pick(gangPolicies);
    const gang = `gang-${client}-${number}`;
    const name = chance.pick(memberNames[policy]);
    const count = chance.whole(2, membersMax);
    const members = Array.from({ length: count }, (_, index) => {
      const id = taskId(`task-${gang}-${index}`);
      return { id, name, parts: drawParts(chance) };
    });
    return {
      kind: 'gang',
      at: waveAt + chance.next() * 2_000,
      gang,
      tenant: mixedTenant,
      policy,
      priority: chance.pick(priorities),
      members,
      ...(chance.chance(0.2) ? { cancelAfterMs: Math.round(chance.spread(10, 2_500)) } : {}),
    };
  });
}

/** Few tasks, while others fill the cluster; seldom another reservation, or none. */
function drawReservedLoad(
  client: string,
  { scene, waveAt }: { readonly scene: Scene; readonly waveAt: number },
  chance: Random,
): readonly Operation[] {
  const { reserved, sites } = scene;
  if (reserved === undefined) return [];
  const hasGpu = reserved.shape.resources['gpu'] !== undefined;
  const tasks = Array.from(
    { length: chance.whole(1, 4) },
    (_, number): Operation => ({
      kind: 'task',
      at: waveAt + chance.next() * 2_500,
      id: taskId(`task-${client}-reserved${number}`),
      tenant: reservedTenant,
      name: hasGpu
        ? chance.pick(['plain', 'sliver', 'whole'])
        : chance.pick(['plain', 'plain', 'bulk']),
      parts: [['sleep', Math.round(chance.spread(100, 1_200))]],
    }),
  );
  if (chance.chance(0.3)) tasks.push(drawReservedGang(client, waveAt, chance));
  if (!chance.chance(0.35)) return tasks;
  const wish = chance.chance(0.5) ? drawReserved([...sites.values()], chance) : undefined;
  const at = waveAt + chance.next() * 2_000;
  return [...tasks, { kind: 'reservation', at, wish }];
}

/** It may find a place for each of its members, for some or for none. */
function drawReservedGang(client: string, waveAt: number, chance: Random): Operation {
  const gang = `gang-${client}-reserved`;
  const members = [0, 1].map((index) => {
    const id = taskId(`task-${gang}-${index}`);
    return { id, name: 'plain', parts: drawParts(chance) };
  });
  return {
    kind: 'gang',
    at: waveAt + chance.next() * 2_500,
    gang,
    tenant: reservedTenant,
    policy: chance.pick(gangPolicies),
    priority: 'normal',
    members,
  };
}

/** While the wave is under way. */
function drawChange(waveAt: number, chance: Random): Operation {
  const at = waveAt + chance.next() * 2_000;
  const tenant = chance.chance(0.6) ? mixedTenant : evenTenant;
  const drawn = chance.next();
  const weight = chance.whole(1, 5);
  if (drawn < 0.3) return { kind: 'tenant', at, tenant, wish: { weight } };
  if (drawn < 0.6) return { kind: 'tenant', at, tenant, wish: { queues: drawQueues(chance) } };
  const wish = { weight, ...drawSettings(chance) };
  return { kind: 'tenant', at, tenant: mixedTenant, wish };
}

function drawParts(chance: Random): readonly Part[] {
  if (chance.chance(0.05)) return [['crash', 1]];
  return chance.chance(0.9) ? [['sleep', Math.round(chance.spread(30, 900))]] : [];
}
