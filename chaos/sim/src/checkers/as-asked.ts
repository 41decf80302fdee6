/** What is journaled of a task and of a tenant is what a client asked for: no wish is lost on the way. */
import type {
  PriorityName,
  QueueChange,
  QueueWeight,
  StrategyName,
  TenantName,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { AskedTenant } from './asked.ts';
import type { MakeChecker } from './checker.ts';

type Submitted = Extract<SchedulerFact, { kind: 'task-submitted' }>;
type Put = Extract<SchedulerFact, { kind: 'tenant-put' }>;

export const asAsked: MakeChecker = ({ asked, priorities }, violate) => {
  const strategies = new Map<TenantName, StrategyName | null>();
  const submit = ({ task, tenant, name, queue, due, ledMs }: Submitted): void => {
    const member = asked.gangOf.get(task)?.members.find((one) => one.task === task);
    const body = asked.tasks.get(task);
    if (body === undefined && member === undefined) {
      return violate(`${task} is submitted and was never asked for`);
    }
    const owner = body?.tenant ?? asked.gangOf.get(task)?.tenant;
    if (owner !== tenant || (body ?? member)?.name !== name) {
      violate(`${task} is submitted as "${name}" of ${tenant}, which nobody asked for`);
    }
    if (body?.queue !== queue) violate(`${task} is put into queue ${queue}, not ${body?.queue}`);
    const dueInMs = due === undefined ? undefined : due - ledMs;
    const isDue = dueInMs === undefined || Math.abs(dueInMs - (body?.dueInMs ?? 0)) < 1;
    if (isDue && (due === undefined) === (body?.dueInMs === undefined)) return;
    violate(`${task} is due in ${dueInMs} ms, not in ${body?.dueInMs}`);
  };
  const put = (fact: Put): void => {
    // What was not asked for at all may be there from the beginning.
    const own = asked.tenants.filter(({ tenant }) => tenant === fact.tenant);
    const { tenant, weight, priority, strategy } = fact;
    const before = {
      priority: priorities.get(tenant) ?? 'normal',
      strategy: strategies.get(tenant) ?? null,
    };
    if (strategy !== undefined) strategies.set(tenant, strategy);
    if (own.length === 0 || own.some((body) => isOf(fact, body, before))) return;
    const what = `${priority ?? before.priority} priority, strategy ${strategy ?? before.strategy}`;
    violate(`${tenant} is put with weight ${weight}, ${what}, which nobody asked for`);
  };
  return {
    journalFact(fact) {
      if (fact.kind === 'task-submitted' && fact.run === undefined) submit(fact);
      else if (fact.kind === 'tenant-put') put(fact);
    },
  };
};

function isOf(
  fact: Put,
  { weight, priority, queues, strategy }: AskedTenant,
  before: { readonly priority: PriorityName; readonly strategy: StrategyName | null },
): boolean {
  if (weight !== undefined && weight !== fact.weight) return false;
  if ((fact.priority ?? before.priority) !== (priority ?? before.priority)) return false;
  const is = fact.strategy === undefined ? before.strategy : fact.strategy;
  if (is !== (strategy === undefined ? before.strategy : strategy)) return false;
  return fact.queues === undefined || hasQueues(fact.queues, queues ?? []);
}

function hasQueues(all: readonly QueueWeight[], asked: readonly QueueChange[]): boolean {
  return asked.every(({ queue, weight }) => {
    return (all.find((one) => one.queue === queue)?.weight ?? null) === weight;
  });
}
