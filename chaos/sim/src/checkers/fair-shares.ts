/**
 * Tenants whose tasks wait get service by their weights. A tenant's start is what it was charged, by
 * weight, from some beginning that nobody outside knows. Whoever starts a task while another waits for
 * the same kind of place was not further ahead of it, by their starts, than the other's next task is
 * long, by its weight: it had the earliest deadline of all whose turn had come. So each start bounds
 * how far apart the beginnings of two tenants can be, from one side, and what is left when all bounds
 * are met must not be empty. No lag of c_i/w_i + c_j/w_j passes that, which is stricter than the
 * promise, (c_i + c_max)/w_i + (c_j + c_max)/w_j and what estimates are wrong by. Charged is by an estimate
 * at the start of an attempt, by what it took at its end; the bill is kept here anew, from what nodes
 * say that attempts took. The weight is that of the tenant times those of its priority and the task's.
 *
 * Whom a quota may hold back is not judged, since it leaves and starts anew; nor is a gang, which is
 * one task there and several here.
 */
import type {
  ErrorCode,
  Outcome,
  PriorityName,
  TaskId,
  TaskResult,
  TenantName,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker, Violate } from './checker.ts';
import { Estimates } from './estimates.ts';

/** Sums of the same numbers in another order differ by so many ms. */
const roundingMs = 0.01;

const unbilled: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'OUTCOME_UNKNOWN',
  'CANCELLED',
  'TIME_LIMIT',
  'RETRIES_EXHAUSTED',
]);

/** The leader has learnt from these what no fact says: its estimates are known no longer. */
const misleading: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TIME_LIMIT', 'RETRIES_EXHAUSTED']);

/** Beside what is normal. */
const priorityWeights: { readonly [P in PriorityName]: number } = {
  high: 1.5,
  normal: 1,
  low: 0.5,
};
/** Kinds of what is not judged. */
const gangKind = 'gang';

interface Bill {
  weight: number;
  priority: PriorityName;
  /** Some limit is set. */
  limited: boolean;
  served: number;
  /** First attempts that wait, with what they need. */
  readonly waiting: Map<TaskId, string>;
  /** Likewise what will wait again, or does by now. */
  readonly again: Map<TaskId, string>;
  /** What it has submitted, as estimates know it, with the least weight of its priority. */
  readonly estimated: Map<string, number>;
  /** The most that its next task was expected to take since it last started one: its deadline may
   *  stand since then. */
  nextMs: number;
  /** Its deadline may stand since there were other nodes, of which its task took another share. */
  outdated: boolean;
  /** What its charges were corrected by under this leader, upwards or downwards. */
  correctedMs: number;
}

/** The start of the first less that of the second, when both began to wait, lies between. */
interface Pair {
  least: number;
  most: number;
}

interface Flight {
  readonly tenant: TenantName;
  readonly kind: string;
  readonly priorityWeight: number;
  readonly cost: number;
  /** Which nodes were there. */
  readonly nodes: number;
  /** From a leader before: nothing was charged for it, but what it takes is learnt. */
  readonly inherited: boolean;
}

interface Task {
  readonly tenant: TenantName;
  readonly estimated: string;
  readonly kind: string;
  readonly priorityWeight: number;
  attempt: number;
}

export const fairShares: MakeChecker = (_truth, violate) => {
  const ledger = new Ledger(violate);
  const took = new Map<string, number>();
  return {
    sent(_from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'task-result') return;
      const { task, attempt, durationMs } = message as TaskResult;
      took.set(`${task} ${attempt}`, durationMs);
    },
    journalFact(fact) {
      switch (fact.kind) {
        case 'term-opened':
          return ledger.newLeader();
        case 'tenant-put':
          return ledger.weigh(fact);
        case 'node-joined':
        case 'node-draining':
        case 'node-dying':
          return ledger.nodesChanged();
        case 'task-submitted':
          return ledger.submitted(fact);
        case 'task-started':
          return ledger.started(fact.task, fact.attempt);
        case 'task-retried':
          if (!fact.reason.ok && misleading.has(fact.reason.failure.code)) ledger.misled();
          ledger.landed(fact.task, tookOf(fact.task, fact.attempt, fact.reason));
          return ledger.waitsAgain(fact.task);
        case 'task-preempted':
          ledger.landed(fact.task, undefined);
          return ledger.waitsAgain(fact.task);
        case 'task-ended': {
          if (!fact.outcome.ok && misleading.has(fact.outcome.failure.code)) ledger.misled();
          const attempt = ledger.attemptOf(fact.task);
          ledger.landed(fact.task, tookOf(fact.task, attempt, fact.outcome));
          return ledger.ended(fact.task);
        }
        default:
      }
    },
  };

  function tookOf(task: TaskId, attempt: number, outcome: Outcome): number | undefined {
    // These may have come from elsewhere than from a result that says what the attempt took.
    if (!outcome.ok && unbilled.has(outcome.failure.code)) return undefined;
    return took.get(`${task} ${attempt}`);
  }
};

class Ledger {
  readonly #violate: Violate;
  readonly #bills = new Map<TenantName, Bill>();
  readonly #tasks = new Map<TaskId, Task>();
  readonly #flights = new Map<TaskId, Flight>();
  /** By pair of tenants that both wait. */
  readonly #pairs = new Map<string, Pair>();
  #estimates = new Estimates();
  #nodes = 0;
  /** By this leader's estimates nobody is judged. */
  #misled = false;

  constructor(violate: Violate) {
    this.#violate = violate;
  }

  /** It knows no more than the journal: what was charged before is forgotten. */
  newLeader(): void {
    this.#estimates = new Estimates();
    this.#misled = false;
    for (const [id, flight] of this.#flights) this.#flights.set(id, { ...flight, inherited: true });
    this.#pairs.clear();
    for (const bill of this.#bills.values()) {
      this.#expect(bill);
      bill.correctedMs = 0;
    }
  }

  misled(): void {
    this.#misled = true;
  }

  weigh(fact: Extract<SchedulerFact, { kind: 'tenant-put' }>): void {
    const bill = this.#bill(fact.tenant);
    const { priority = bill.priority, quota } = fact;
    bill.priority = priority;
    if (quota !== undefined) bill.limited = Object.keys(quota).length > 0;
    bill.weight = fact.weight * priorityWeights[priority];
    this.#pairs.clear();
  }

  nodesChanged(): void {
    this.#nodes += 1;
    this.#pairs.clear();
    for (const bill of this.#bills.values()) bill.outdated = true;
  }

  submitted(fact: Extract<SchedulerFact, { kind: 'task-submitted' }>): void {
    const { task, tenant, name, bundle, resources, placement = {}, priority, gang } = fact;
    const kind = gang === undefined ? JSON.stringify([resources, placement, priority]) : gangKind;
    const estimated = `${bundle} ${name}`;
    const priorityWeight = priorityWeights[priority];
    this.#tasks.set(task, { tenant, kind, estimated, priorityWeight, attempt: 0 });
    const bill = this.#bill(tenant);
    const least = bill.estimated.get(estimated) ?? priorityWeight;
    bill.estimated.set(estimated, Math.min(least, priorityWeight));
    if (bill.waiting.size === 0) this.#forgetPairsOf(tenant);
    bill.nextMs = Math.max(bill.nextMs, this.#estimates.of(estimated) / priorityWeight);
    bill.outdated = false;
    bill.waiting.set(task, kind);
  }

  attemptOf(id: TaskId): number {
    return this.#tasks.get(id)?.attempt ?? 0;
  }

  started(id: TaskId, attempt: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.attempt = attempt;
    const { tenant, kind, priorityWeight } = task;
    const bill = this.#bill(tenant);
    bill.again.delete(id);
    for (const other of this.#rivals(tenant, kind)) this.#compare(tenant, other, id);
    const cost = this.#estimates.of(task.estimated);
    const flight = { tenant, kind, priorityWeight, cost, nodes: this.#nodes, inherited: false };
    this.#flights.set(id, flight);
    bill.served += cost / priorityWeight;
    this.#expect(bill);
    bill.waiting.delete(id);
    if (!onlyOne(bill, kind)) this.#forgetPairsOf(tenant);
  }

  landed(id: TaskId, tookMs: number | undefined): void {
    const task = this.#tasks.get(id);
    const flight = this.#flights.get(id);
    if (task === undefined || flight === undefined) return;
    this.#flights.delete(id);
    if (flight.inherited) {
      if (tookMs !== undefined) this.#learn(task.estimated, tookMs);
      return;
    }
    const bill = this.#bill(flight.tenant);
    // A share is one of the whole, and one kind costs by its share what another does not.
    const comparable = flight.nodes === this.#nodes && onlyOne(bill, flight.kind);
    if (tookMs === undefined || !comparable) this.#forgetPairsOf(flight.tenant);
    if (tookMs === undefined) return;
    this.#learn(task.estimated, tookMs);
    const correction = (Math.max(tookMs, 1) - flight.cost) / flight.priorityWeight;
    bill.served += correction;
    bill.correctedMs += Math.abs(correction);
  }

  waitsAgain(id: TaskId): void {
    const task = this.#tasks.get(id);
    if (task !== undefined) this.#bill(task.tenant).again.set(id, task.kind);
  }

  ended(id: TaskId): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    this.#tasks.delete(id);
    const { waiting, again } = this.#bill(task.tenant);
    waiting.delete(id);
    again.delete(id);
    if (waiting.size === 0) this.#forgetPairsOf(task.tenant);
  }

  /** Who else waits for the same, and for nothing else. */
  #rivals(tenant: TenantName, kind: string): TenantName[] {
    const bill = this.#bill(tenant);
    if (!onlyOne(bill, kind)) return [];
    const found: TenantName[] = [];
    for (const [name, other] of this.#bills) {
      if (name !== tenant && onlyOne(other, kind)) found.push(name);
    }
    return found;
  }

  #compare(tenant: TenantName, other: TenantName, task: TaskId): void {
    const isFirst = tenant < other;
    const [first, second] = isFirst ? [tenant, other] : [other, tenant];
    const key = `${first} ${second}`;
    const [left, right] = [this.#bill(first), this.#bill(second)];
    if (left.outdated || right.outdated) return;
    const ahead = left.served / left.weight - right.served / right.weight;
    const pair = this.#pairs.get(key) ?? this.#begin(left, right, ahead);
    this.#pairs.set(key, pair);
    if (isFirst) pair.most = Math.min(pair.most, right.nextMs / right.weight - ahead);
    else pair.least = Math.max(pair.least, -left.nextMs / left.weight - ahead);
    const tooMuch = pair.least - pair.most;
    if (this.#misled || tooMuch <= roundingMs) return;
    this.#violate(
      `${task} starts, and of ${tenant} and ${other}, which both wait, one is ${tooMuch.toFixed(0)} ms by weight further ahead than one task of each`,
    );
  }

  /** What is promised of any two, and what corrections did before: so far apart may two begin. */
  #begin(left: Bill, right: Bill, ahead: number): Pair {
    let largestMs = 0;
    for (const { nextMs } of this.#bills.values()) largestMs = Math.max(largestMs, nextMs);
    const of = ({ nextMs, correctedMs, weight }: Bill) =>
      (nextMs + largestMs + correctedMs) / weight;
    const lag = of(left) + of(right);
    return { least: -lag - ahead, most: lag - ahead };
  }

  #learn(estimated: string, tookMs: number): void {
    this.#estimates.learn(estimated, tookMs);
    const now = this.#estimates.of(estimated);
    for (const bill of this.#bills.values()) {
      const least = bill.estimated.get(estimated);
      if (least !== undefined) bill.nextMs = Math.max(bill.nextMs, now / least);
    }
  }

  /** Its next task is expected to take what the estimates say now. */
  #expect(bill: Bill): void {
    bill.nextMs = 0;
    bill.outdated = false;
    for (const [estimated, least] of bill.estimated) {
      bill.nextMs = Math.max(bill.nextMs, this.#estimates.of(estimated) / least);
    }
  }

  #forgetPairsOf(tenant: TenantName): void {
    for (const key of [...this.#pairs.keys()]) {
      if (key.split(' ').includes(tenant)) this.#pairs.delete(key);
    }
  }

  #bill(tenant: TenantName): Bill {
    const known = this.#bills.get(tenant);
    if (known !== undefined) return known;
    const bill: Bill = {
      weight: 1,
      priority: 'normal',
      limited: false,
      served: 0,
      waiting: new Map(),
      again: new Map(),
      estimated: new Map(),
      nextMs: 0,
      outdated: false,
      correctedMs: 0,
    };
    this.#bills.set(tenant, bill);
    return bill;
  }
}

function onlyOne({ waiting, again, limited }: Bill, kind: string): boolean {
  if (waiting.size === 0 || limited || kind === gangKind) return false;
  for (const one of waiting.values()) if (one !== kind) return false;
  for (const one of again.values()) if (one !== kind) return false;
  return true;
}
