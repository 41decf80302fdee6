/** Deliberate faults in what becomes of the wishes of tasks and of the settings of tenants and nodes. */
import {
  type Machine,
  type PlacementWishes,
  type RequestBody,
  type TaskManifest,
  tenantName,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { bundles } from '../plan/bundles.ts';
import { evenTenant, siteOf } from '../plan/scene.ts';
import type { World } from '../world/world.ts';
import { rememberedTimers } from './spoilt-timers.ts';

/** What a leader understands of what it is asked for. */
export function understood(world: World, body: RequestBody): RequestBody {
  const { mutant } = world;
  switch (body.kind) {
    case 'deploy': {
      const tasks = body.manifest.tasks.map((task) => declaredAs(world, task));
      return { ...body, manifest: { ...body.manifest, tasks } };
    }
    case 'submit-gang':
      return mutant === 'gang-policy-ignored' ? { ...body, policy: 'PACK' } : body;
    case 'submit-task': {
      const { dueInMs, queue, ...plain } = body;
      if (mutant === 'due-times-ignored') return queue === undefined ? plain : { ...plain, queue };
      if (mutant === 'queues-ignored') return dueInMs === undefined ? plain : { ...plain, dueInMs };
      if (mutant === 'priorities-ignored') return { ...body, priority: 'normal' };
      if (mutant !== 'priorities-upside-down' || body.priority === undefined) return body;
      return { ...body, priority: upsideDown[body.priority] };
    }
    case 'put-tenant': {
      if (mutant === 'tenant-priorities-ignored') {
        const { priority: _, ...plain } = body;
        return plain;
      }
      if (mutant === 'tenant-strategies-ignored') {
        const { strategy: _, ...plain } = body;
        return plain;
      }
      if (mutant !== 'queue-weights-ignored' || body.queues === undefined) return body;
      return { ...body, queues: body.queues.map(({ queue }) => ({ queue, weight: 1 })) };
    }
    case 'put-reservation': {
      if (mutant === 'reserved-for-another') return { ...body, tenant: tenantName(evenTenant) };
      if (mutant !== 'reserved-for-nobody' || body.shape === undefined) return body;
      return { ...body, shape: { resources: { cpu: 0.001 } } };
    }
    default:
      return body;
  }
}

const upsideDown = { high: 'low', normal: 'normal', low: 'high' } as const;

function declaredAs(world: World, task: TaskManifest): TaskManifest {
  const { placement = {}, resources } = task;
  switch (world.mutant) {
    case 'selectors-ignored':
      return { ...task, placement: without(placement, ['nodes']) };
    case 'gpu-models-ignored':
      return { ...task, placement: without(placement, ['gpuModels']) };
    case 'neighbours-ignored':
      return { ...task, placement: without(placement, ['near', 'apart', 'spread']) };
    case 'gpu-taken-for-half': {
      const { gpus } = placement;
      const { gpu = 0 } = resources;
      if (gpus !== undefined) {
        const half = { ...gpus, milli: gpus.milli / 2 };
        return { ...task, placement: { ...placement, gpus: half } };
      }
      return gpu > 0 && gpu <= 1 ? { ...task, resources: { ...resources, gpu: gpu / 2 } } : task;
    }
    case 'tried-once-and-preempted':
      return task.retries === 0 ? { ...task, retries: 1 } : task;
    default:
      return task;
  }
}

function without(
  wishes: PlacementWishes,
  names: readonly (keyof PlacementWishes)[],
): PlacementWishes {
  return Object.fromEntries(
    Object.entries(wishes).filter(([name]) => !names.some((one) => one === name)),
  );
}

/** What whoever leads next remembers of what it reads. */
export function remembered(world: World, given: SchedulerFact): SchedulerFact {
  const fact = rememberedTimers(world, given);
  switch (world.mutant) {
    case 'successor-forgets-moves':
      return fact.kind === 'run-moved' ? { ...fact, bundle: bundles[0] ?? fact.bundle } : fact;
    case 'successor-forgets-owners': {
      if (fact.kind !== 'actor-created') return fact;
      const { owner: _, ...free } = fact;
      return free;
    }
    case 'successor-forgets-cordons':
      return fact.kind === 'node-cordoned' ? { ...fact, cordoned: false } : fact;
    case 'successor-mistakes-places': {
      if (fact.kind !== 'place-held') return fact;
      const others = [...world.checks.truth.grounds.alive].filter((node) => node !== fact.node);
      return { ...fact, node: others[0] ?? fact.node };
    }
    case 'successor-forgets-what-is-given-up':
      return fact.kind === 'measures-given-up' ? { ...fact, count: 0 } : fact;
    case 'successor-forgets-quotas':
      return fact.kind === 'tenant-put' && fact.quota !== undefined ? { ...fact, quota: {} } : fact;
    case 'quota-not-given-back': {
      if (fact.kind !== 'tenant-put' || fact.quota?.inFlightMax === undefined) return fact;
      return { ...fact, quota: { ...fact.quota, inFlightMax: 1 } };
    }
    case 'successor-forgets-wishes': {
      if (fact.kind !== 'task-submitted') return fact;
      const { placement: _, ...plain } = fact;
      return plain;
    }
    case 'successor-forgets-gangs': {
      if (fact.kind !== 'task-submitted') return fact;
      const { gang: _, ...alone } = fact;
      return alone;
    }
    case 'successor-forgets-which-gpus': {
      if (fact.kind !== 'task-started' || fact.gpus === undefined) return fact;
      const [host = ''] = fact.node.split('.');
      const count = siteOf(world.scene, host).resources['gpu'] ?? 1;
      return { ...fact, gpus: fact.gpus.map((gpu) => (gpu + 1) % count) };
    }
    default:
      return fact;
  }
}

/** The start of the last member of a gang, and what comes after it, is appended with the next record. */
export function halting<Event, Fact, Send, Reply, Work>(
  world: World,
  machine: Machine<Event, Fact, Send, Reply, Work>,
): Machine<Event, Fact, Send, Reply, Work> {
  let held: readonly Fact[] = [];
  const { tasks } = world.checks.truth;
  const gangOf = (fact: Fact | undefined): string | undefined => {
    const { kind, task, attempt } = (fact ?? {}) as {
      readonly kind?: string;
      readonly task?: never;
      readonly attempt?: number;
    };
    if (kind !== 'task-started' || attempt !== 1 || task === undefined) return undefined;
    return tasks.get(task)?.gang?.id;
  };
  return {
    handle(now, event) {
      const output = machine.handle(now, event);
      const all = [...held, ...output.append];
      const at = output.append.findLastIndex((fact, index) => {
        const gang = gangOf(fact);
        return gang !== undefined && gang === gangOf(output.append[index - 1]);
      });
      const cut = at < 0 ? all.length : held.length + at;
      held = all.slice(cut);
      return { ...output, append: all.slice(0, cut) };
    },
    wakeAt: () => machine.wakeAt(),
  };
}

/** Whose places are let go in a standoff is told of another tenant's. */
export function yielding<Event, Fact, Send, Reply, Work>(
  world: World,
  machine: Machine<Event, Fact, Send, Reply, Work>,
): Machine<Event, Fact, Send, Reply, Work> {
  return {
    handle(now, event) {
      const output = machine.handle(now, event);
      return { ...output, append: output.append.map((fact) => ofAnother(world, fact)) };
    },
    wakeAt: () => machine.wakeAt(),
  };
}

function ofAnother<Fact>(world: World, fact: Fact): Fact {
  const { kind, place, why } = fact as { readonly [name in 'kind' | 'place' | 'why']?: unknown };
  if (kind !== 'place-let-go' || why === undefined) return fact;
  const { reservations = [] } = world.checks.truth.follower.durable();
  const owner = reservations.find(({ places }) => places.some(({ id }) => id === place))?.tenant;
  const other = reservations.find(({ places, tenant }) => tenant !== owner && places.length > 0);
  return { ...fact, place: other?.places[0]?.id ?? place };
}
