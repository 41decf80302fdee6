/** Decisions a second of the contest and of the whole queue, by processor time of this process. */
import { Contest, FairQueue, type Picked, type TenantTask } from '@troupe/scheduler-core/fair';
import { heavyTailed } from './chance.ts';

export interface Speed {
  readonly tenants: number;
  readonly perSecond: number;
  readonly p50Ns: number;
  readonly p999Ns: number;
}

const costCount = 4_096;
const sampleEvery = 64;
const batch = 1_000;

/** Everybody waits; who was served has a next task at once. What is known of a tenant is in the contest, so
 *  that this is timed, and not what else the bench would have to look up. */
export function contestSpeed(tenants: number, decisions: number, chance: () => number): Speed {
  const costs = Float64Array.from({ length: costCount }, () => heavyTailed(chance, 100));
  const contest = new Contest();
  const shape = contest.addShape();
  for (let tenant = 0; tenant < tenants; tenant++) {
    contest.addTenant();
    const weight = 1 + Math.floor(chance() * 12);
    contest.addLane(tenant, shape);
    contest.enter(tenant, weight, (costs[tenant % costCount] ?? 0) / weight);
  }
  let next = 0;
  return measured(tenants, decisions, () => {
    const tenant = contest.tenantOf(contest.next());
    const weight = contest.weightOf(tenant);
    next = (next + 1) % costCount;
    contest.serve(tenant, contest.spanOf(tenant), weight, (costs[next] ?? 0) / weight);
  });
}

/** One of the kinds of tasks, each with its cost. */
interface Kept extends TenantTask {
  readonly kind: number;
}

/** The whole queue by its parts; a decision is a take. */
export interface QueueSpeed extends Speed {
  readonly landsPerSecond: number;
  readonly pushesPerSecond: number;
  /** Of all three, as often as a task goes through. */
  readonly roundsPerSecond: number;
  readonly memoryMiB: number;
}

/**
 * So many tasks of each tenant wait. Of a batch each is taken, then each lands and is corrected, then each is
 * pushed again: the queue is timed and not who makes tasks, and a batch is in flight meanwhile.
 */
export function queueSpeed(
  given: { readonly tenants: number; readonly tasksEach: number; readonly decisions: number },
  chance: () => number,
): QueueSpeed {
  const { tenants, tasksEach, decisions } = given;
  const shape = { key: 'cpu=1000;', amounts: [{ name: 'cpu', milli: 1_000 }] };
  const costs = Float64Array.from({ length: costCount }, () => heavyTailed(chance, 100));
  const queue = new FairQueue<Kept, string>({
    costOf: ({ kind }) => costs[kind] ?? 0,
    coefficientOf: () => 1,
    place: () => 'here',
  });
  const memoryBefore = process.memoryUsage().rss;
  for (let tenant = 0; tenant < tenants; tenant++) {
    const name = `t${tenant}`;
    queue.put(name, { weight: 1 + Math.floor(chance() * 12) }, 0);
    for (let task = 0; task < tasksEach; task++) {
      const number = tenant * tasksEach + task;
      const kind = Math.floor(chance() * costCount);
      queue.push({ id: `t${number}`, tenant: name, shape, priority: 'normal', kind }, 0);
    }
  }
  const memoryMiB = Math.round((process.memoryUsage().rss - memoryBefore) / 2 ** 20);
  const batches = Math.ceil(decisions / batch);
  for (let i = 0; i < batches; i++) round(queue, batch, () => undefined);
  const spent = { take: 0, land: 0, push: 0 };
  for (let i = 0; i < batches; i++) {
    let before = cpuUs();
    round(queue, batch, (part) => {
      const after = cpuUs();
      spent[part] += after - before;
      before = after;
    });
  }
  const samples: number[] = [];
  for (let i = 0; i < batches; i++) round(queue, batch, () => undefined, samples);
  const rate = (us: number) => Math.round((batches * batch * 1e6) / us);
  return {
    tenants,
    perSecond: rate(spent.take),
    ...latenciesOf(samples),
    landsPerSecond: rate(spent.land),
    pushesPerSecond: rate(spent.push),
    roundsPerSecond: rate(spent.take + spent.land + spent.push),
    memoryMiB,
  };
}

/** Ten tenants with so many shapes each, a task of each shape: how often a task goes through in a second. */
export function shapesSpeed(shapes: number, rounds: number): number {
  const queue = new FairQueue<Kept, string>({
    costOf: ({ kind }) => kind,
    coefficientOf: () => 1,
    place: () => 'here',
  });
  for (let task = 0; task < 10 * shapes; task++) {
    const milli = 1 + Math.floor(task / 10);
    const shape = { key: `cpu=${milli};`, amounts: [{ name: 'cpu', milli }] };
    const tenant = `t${task % 10}`;
    queue.push({ id: `t${task}`, tenant, shape, priority: 'normal', kind: 1 + (task % 7) }, 0);
  }
  const inFlight = 10;
  const go = () => {
    for (let i = 0; i < rounds / inFlight; i++) round(queue, inFlight, () => undefined);
  };
  go();
  const before = cpuUs();
  go();
  return Math.round((rounds * 1e6) / (cpuUs() - before));
}

function round(
  queue: FairQueue<Kept, string>,
  count: number,
  ended: (part: 'take' | 'land' | 'push') => void,
  samples?: number[],
): void {
  const taken: Picked<Kept, string>[] = [];
  while (taken.length < count) {
    const isTimed = samples !== undefined && taken.length % sampleEvery === 0;
    const at = isTimed ? process.hrtime.bigint() : 0n;
    const picked = queue.take(0);
    if (isTimed) samples.push(Number(process.hrtime.bigint() - at));
    if (picked === undefined) throw new Error('something waits and nothing was taken');
    taken.push(picked);
  }
  ended('take');
  for (const { task, cost, tenant } of taken) {
    queue.landed(task, 0, { charged: cost, real: cost * 1.1, tenant });
  }
  ended('land');
  for (const { task } of taken) queue.push(task, 0);
  ended('push');
}

function measured(tenants: number, decisions: number, decide: () => void): Speed {
  for (let i = 0; i < decisions; i++) decide();
  const before = cpuUs();
  for (let i = 0; i < decisions; i++) decide();
  const perSecond = Math.round((decisions * 1e6) / (cpuUs() - before));
  const samples: number[] = [];
  for (let i = 0; i < decisions; i++) {
    if (i % sampleEvery > 0) {
      decide();
      continue;
    }
    const at = process.hrtime.bigint();
    decide();
    samples.push(Number(process.hrtime.bigint() - at));
  }
  return { tenants, perSecond, ...latenciesOf(samples) };
}

function latenciesOf(samples: number[]): { readonly p50Ns: number; readonly p999Ns: number } {
  samples.sort((left, right) => left - right);
  const at = (part: number) => samples[Math.ceil(part * samples.length) - 1] ?? 0;
  return { p50Ns: at(0.5), p999Ns: at(0.999) };
}

/** Of all threads, so that collecting garbage counts. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
