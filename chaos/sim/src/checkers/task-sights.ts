/** Looks on like a checker and notes which interesting states of scenes were reached. */
import type { Incarnation, Quota, TaskId, TenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import { gpusOf, isMeant } from './declared.ts';
import type { Grounds, Placed } from './grounds.ts';
import type { Truth } from './truth.ts';

type Started = Extract<SchedulerFact, { kind: 'task-started' }>;
type Put = Extract<SchedulerFact, { kind: 'tenant-put' }>;

interface Waiting {
  readonly tenant: TenantName;
  readonly queue: string | undefined;
  readonly isDue: boolean;
}

export function taskSights(truth: Truth, coverage: Coverage): Checker {
  const look = new Look(truth, coverage);
  return {
    journalFact: (fact) => look.on(fact),
    answered({ operation, outcome }) {
      if (operation.kind !== 'task' || outcome.ok) return;
      const { code, details } = outcome.failure;
      if (code !== 'RESOURCE_EXHAUSTED') return;
      const isFull = details?.['tenant'] !== undefined;
      if (isFull) coverage.reach('a full queue of a tenant refuses a task');
      else coverage.reach('work is turned away under pressure');
    },
  };
}

class Look {
  readonly #truth: Truth;
  readonly #coverage: Coverage;
  #term = 0;
  readonly #termOf = new Map<TaskId, number>();
  readonly #waiting = new Map<TaskId, Waiting>();
  readonly #preempted = new Set<TaskId>();
  readonly #wasCordoned = new Set<Incarnation>();
  readonly #quotas = new Map<TenantName, Quota>();
  readonly #weights = new Map<TenantName, number>();
  readonly #queues = new Map<string, number>();

  constructor(truth: Truth, coverage: Coverage) {
    this.#truth = truth;
    this.#coverage = coverage;
  }

  on(fact: SchedulerFact): void {
    switch (fact.kind) {
      case 'term-opened':
        return this.#onTakeover();
      case 'node-cordoned':
        if (!fact.cordoned) this.#wasCordoned.add(fact.incarnation);
        return;
      case 'measures-given-up': {
        const isMore = fact.count > this.#truth.givenUp;
        if (isMore) this.#coverage.reach('something is given up under pressure');
        else this.#coverage.reach('what was given up comes back');
        return;
      }
      case 'tenant-put':
        return this.#onPut(fact);
      case 'task-submitted': {
        const { task, tenant, queue, due } = fact;
        this.#termOf.set(task, this.#term);
        this.#waiting.set(task, { tenant, queue, isDue: due !== undefined });
        return;
      }
      case 'task-started':
        return this.#onStart(fact);
      case 'task-preempted':
        this.#preempted.add(fact.task);
        return this.#coverage.reach('a task is preempted');
      case 'task-ended': {
        const isDone = this.#preempted.delete(fact.task) && fact.outcome.ok;
        if (isDone) this.#coverage.reach('a preempted task is done');
        const inGang = this.#truth.tasks.get(fact.task)?.gang !== undefined;
        const isWaiting = this.#waiting.delete(fact.task);
        if (inGang && isWaiting) this.#coverage.reach('a gang is cancelled before it starts');
        return;
      }
      default:
    }
  }

  #onTakeover(): void {
    this.#term += 1;
    const { grounds, givenUp } = this.#truth;
    if (givenUp > 0) this.#coverage.reach('what is given up is so under the next leader');
    const { cordoned } = grounds;
    if (cordoned.size > 0) this.#coverage.reach('a node is cordoned across a takeover');
    for (const tenant of this.#quotas.keys()) {
      if (this.#isUsedUp(tenant)) this.#coverage.reach('a quota is used up across a takeover');
    }
  }

  #onPut({ tenant, weight, quota, queues = [] }: Put): void {
    const waiting = [...this.#waiting.values()].filter((one) => one.tenant === tenant);
    if (waiting.length > 0 && (this.#weights.get(tenant) ?? weight) !== weight) {
      this.#coverage.reach('a tenant is weighed anew while its tasks wait');
    }
    this.#weights.set(tenant, weight);
    for (const one of queues) {
      const name = `${tenant} ${one.queue}`;
      const isOther = (this.#queues.get(name) ?? one.weight) !== one.weight;
      if (isOther && waiting.some(({ queue }) => queue === one.queue)) {
        this.#coverage.reach('a queue is weighed anew while tasks wait in it');
      }
      this.#queues.set(name, one.weight);
    }
    if (quota === undefined) return;
    if (this.#isUsedUp(tenant)) this.#coverage.reach('a quota is changed while it is used up');
    this.#quotas.set(tenant, quota);
  }

  #isUsedUp(tenant: TenantName): boolean {
    const { inFlightMax } = this.#quotas.get(tenant) ?? {};
    if (inFlightMax === undefined) return false;
    const running = [...this.#truth.grounds.all()].filter(
      ({ task }) => this.#truth.tasks.get(task)?.tenant === tenant,
    );
    return running.length >= inFlightMax;
  }

  #onStart(fact: Started): void {
    const { grounds, tasks } = this.#truth;
    const own = this.#waiting.get(fact.task);
    this.#waiting.delete(fact.task);
    if (tasks.get(fact.task)?.gang !== undefined) {
      if (fact.attempt > 1) this.#coverage.reach('a member of a gang is tried again by itself');
      else if ((this.#termOf.get(fact.task) ?? this.#term) < this.#term) {
        this.#coverage.reach('a gang starts after a takeover');
      }
    }
    const placed = grounds.place(fact);
    const { node, gpus } = placed;
    if (gpus.length > 1) this.#coverage.reach('several GPUs are given to one task');
    const there = [...grounds.on(node)];
    if (there.some((one) => one.gpus.some((gpu) => gpus.includes(gpu)))) {
      this.#coverage.reach('a GPU is shared by two tasks');
    }
    if (this.#wasCordoned.delete(node)) this.#coverage.reach('a node serves again after a cordon');
    for (const other of grounds.cordoned) {
      if (!hasRoom(grounds, placed, other)) continue;
      this.#coverage.reach('a cordoned node is passed over');
      break;
    }
    this.#onNeighbours(placed);
    if (own?.isDue === true && this.#wasSooner(own)) {
      this.#coverage.reach('a task that is due soon goes before an older one');
    }
  }

  #onNeighbours(placed: Placed): void {
    const { near = [], apart = [] } = placed.declared?.placement ?? {};
    for (const other of this.#truth.grounds.all()) {
      if (apart.some((term) => isMeant(term, other))) {
        this.#coverage.reach('a task keeps away from another');
      }
      if (near.some((term) => isMeant(term, other))) {
        this.#coverage.reach('a task joins another that it wants to be near');
      }
    }
  }

  /** Whoever came first of the tenant, and is not due, still waits. */
  #wasSooner({ tenant, queue }: Waiting): boolean {
    for (const other of this.#waiting.values()) {
      if (other.tenant === tenant && other.queue === queue) return !other.isDue;
    }
    return false;
  }
}

function hasRoom(grounds: Grounds, placed: Placed, node: Incarnation): boolean {
  const { resources } = grounds.siteOf(node);
  const needed = placed.declared?.resources ?? {};
  const isSoFree = Object.entries(needed).every(([name, amount]) => {
    let free = resources[name] ?? 0;
    for (const { declared } of grounds.on(node)) free -= declared?.resources[name] ?? 0;
    return free >= amount;
  });
  return isSoFree && gpusOf(placed).count === 0;
}
