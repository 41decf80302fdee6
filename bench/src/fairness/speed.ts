/** Decisions a second of the contest and of the whole queue, by processor time of this process. */
import { Contest, FairQueue, type TenantTask } from '@troupe/scheduler-core/fair';
import { heavyTailed } from './chance.ts';

export interface Speed {
  readonly tenants: number;
  readonly perSecond: number;
  readonly p50Ns: number;
  readonly p999Ns: number;
}

const costCount = 4_096;
const sampleEvery = 64;

/** Everybody waits; who was served has a next task at once. */
export function contestSpeed(tenants: number, decisions: number, chance: () => number): Speed {
  const costs = Float64Array.from({ length: costCount }, () => heavyTailed(chance, 100));
  const contest = new Contest();
  const shape = contest.addShape();
  const weights = new Uint8Array(tenants);
  const next = new Uint16Array(tenants);
  for (let tenant = 0; tenant < tenants; tenant++) {
    contest.addTenant();
    const weight = 1 + Math.floor(chance() * 12);
    weights[tenant] = weight;
    next[tenant] = tenant % costCount;
    contest.addLane(tenant, shape);
    contest.enter(tenant, weight, (costs[tenant % costCount] ?? 0) / weight);
  }
  return measured(tenants, decisions, () => {
    const tenant = contest.tenantOf(contest.next());
    const weight = weights[tenant] ?? 1;
    const at = next[tenant] ?? 0;
    const after = (at + 1) % costCount;
    next[tenant] = after;
    contest.serve(tenant, (costs[at] ?? 0) / weight, weight, (costs[after] ?? 0) / weight);
  });
}

interface Timed extends TenantTask {
  readonly cost: number;
}

/** A task is taken, lands and is corrected; another of the same tenant is pushed. */
export function queueSpeed(tenants: number, decisions: number, chance: () => number): Speed {
  const shape = { key: 'cpu=1000;', amounts: [{ name: 'cpu', milli: 1_000 }] };
  const queue = new FairQueue<Timed, string>({
    costOf: ({ cost }) => cost,
    coefficientOf: () => 1,
    place: () => 'here',
  });
  let made = 0;
  const push = (tenant: string) => {
    const cost = heavyTailed(chance, 100);
    queue.push({ id: `t${made++}`, tenant, shape, priority: 'normal', cost }, 0);
  };
  for (let number = 0; number < tenants; number++) {
    const name = `t${number}`;
    queue.put(name, { weight: 1 + Math.floor(chance() * 12) }, 0);
    push(name);
    push(name);
  }
  return measured(tenants, decisions, () => {
    const picked = queue.take(0);
    if (picked === undefined) return;
    const { task, cost } = picked;
    queue.landed(task, 0, { charged: cost, real: cost * 1.1 });
    push(task.tenant);
  });
}

function measured(tenants: number, decisions: number, decide: () => void): Speed {
  for (let i = 0; i < decisions; i++) decide();
  const before = process.cpuUsage();
  for (let i = 0; i < decisions; i++) decide();
  const used = process.cpuUsage(before);
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
  samples.sort((left, right) => left - right);
  const at = (part: number) => samples[Math.ceil(part * samples.length) - 1] ?? 0;
  const perSecond = Math.round((decisions * 1e6) / (used.user + used.system));
  return { tenants, perSecond, p50Ns: at(0.5), p999Ns: at(0.999) };
}
