/**
 * A tenant never starts more than its quota allows, under any leader: attempts at once, the cores that
 * they reserve, and starts in a second; and no more of its tasks are taken to wait than may.
 *
 * A rate is counted twice: by the time that was led, as facts say it, across all leaders; and by the time of the
 * simulation, anew with each leader and each change of the quota, when a second's worth more may be.
 */
import type { Quota, TaskId, TenantName } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { writerOf } from './one-writer-per-log.ts';

/** Clocks differ by at most so much in speed. */
const rateMax = 1.04;
const rounding = 1e-6;
const rateSlack = 1e-3;

interface Use {
  quota: Quota;
  readonly running: Map<TaskId, number>;
  readonly waiting: Set<TaskId>;
  /** Starts under this leader, and how many might have been at once. */
  starts: number;
  bursts: number;
  /** How many more may start at once, at a time that was led. */
  left: number;
  ledMs: number;
}

export const quotasKept: MakeChecker = (truth, violate) => {
  const uses = new Map<TenantName, Use>();
  let leader = '';
  let nights = 0;
  let lastGang = '';
  const useOf = (tenant: TenantName): Use => {
    const known = uses.get(tenant);
    if (known !== undefined) return known;
    const running = new Map<TaskId, number>();
    const waiting = new Set<TaskId>();
    const use = { quota: {}, running, waiting, starts: 0, bursts: 1, left: 0, ledMs: 0 };
    uses.set(tenant, use);
    return use;
  };
  const fill = (use: Use, ledMs: number): void => {
    const { startsPerSecondMax: rate = 0 } = use.quota;
    use.left = Math.min(Math.max(1, rate), use.left + ((ledMs - use.ledMs) * rate) / 1_000);
    use.ledMs = ledMs;
  };
  const start = (tenant: TenantName, task: TaskId, isFurther: boolean, at?: number): void => {
    const use = useOf(tenant);
    const { quota, running, waiting } = use;
    waiting.delete(task);
    running.set(task, truth.grounds.declared(task)?.resources['cpu'] ?? 0);
    const { inFlightMax, cpuMax, startsPerSecondMax: rate } = quota;
    if (inFlightMax !== undefined && running.size > inFlightMax) {
      violate(`${task} starts, and ${running.size} of ${tenant} run, ${inFlightMax} may`);
    }
    const cpu = [...running.values()].reduce((sum, each) => sum + each, 0);
    if (cpuMax !== undefined && cpu > cpuMax + rounding) {
      violate(`${task} starts, and ${tenant} reserves ${cpu} cores, ${cpuMax} it may`);
    }
    if (rate !== undefined && at === undefined) {
      violate(`${task} starts, and nobody knows later when: ${tenant} has a start rate`);
    }
    fill(use, at ?? use.ledMs);
    if (rate !== undefined && !isFurther && use.left < 1 - rateSlack) {
      violate(`${task} starts, and ${use.left} of ${tenant} may, by the time that was led`);
    }
    use.left -= 1;
    if (isFurther) return;
    use.starts += 1;
    const began = truth.ledFrom.get(leader);
    if (rate === undefined || began === undefined || truth.nights > nights) return;
    const ledMs = (truth.now() - began) * rateMax;
    const most = Math.max(1, rate) * use.bursts + (rate * ledMs) / 1_000 + 1;
    if (use.starts <= most) return;
    violate(
      `${use.starts} tasks of ${tenant} start in ${ledMs.toFixed(0)} ms, ${rate} may a second`,
    );
  };
  return {
    journalFact(fact, _position, { id }) {
      switch (fact.kind) {
        case 'term-opened':
          leader = writerOf(id);
          nights = truth.nights;
          for (const use of uses.values()) Object.assign(use, { starts: 0, bursts: 1 });
          return;
        case 'tenant-put': {
          const use = useOf(fact.tenant);
          if (fact.quota === undefined) return;
          if (fact.ledMs !== undefined) fill(use, fact.ledMs);
          const { startsPerSecondMax: before } = use.quota;
          const { startsPerSecondMax: rate = 0 } = fact.quota;
          use.left =
            before === undefined ? Math.max(1, rate) : Math.min(use.left, Math.max(1, rate));
          use.quota = fact.quota;
          use.bursts += 1;
          // What was allowed by another rate is no longer known.
          use.starts = 0;
          return;
        }
        case 'task-submitted': {
          const { quota, waiting } = useOf(fact.tenant);
          waiting.add(fact.task);
          const { queuedMax } = quota;
          if (queuedMax === undefined || fact.run !== undefined || waiting.size <= queuedMax)
            return;
          return violate(`${fact.task} is taken, and ${waiting.size} of ${fact.tenant} wait`);
        }
        case 'task-started': {
          const task = truth.tasks.get(fact.task);
          if (task === undefined) return;
          // A gang is one start.
          const gang = fact.attempt === 1 ? `${task.gang?.id ?? ''} ${id}` : '';
          const isFurther = task.gang !== undefined && gang === lastGang;
          lastGang = gang;
          return start(task.tenant, fact.task, isFurther, fact.ledMs);
        }
        case 'task-preempted':
        case 'task-retried': {
          const tenant = truth.tasks.get(fact.task)?.tenant;
          if (tenant === undefined) return;
          useOf(tenant).running.delete(fact.task);
          useOf(tenant).waiting.add(fact.task);
          return;
        }
        case 'task-ended': {
          const tenant = truth.tasks.get(fact.task)?.tenant;
          if (tenant === undefined) return;
          useOf(tenant).running.delete(fact.task);
          useOf(tenant).waiting.delete(fact.task);
          return;
        }
        default:
      }
    },
  };
};
