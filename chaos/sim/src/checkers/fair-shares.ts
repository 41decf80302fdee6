/**
 * Tenants whose tasks wait get service by their weights: while two of them wait for the same kind of
 * place, what each was served, divided by its weight, differs by no more than about one task of each
 * (start-time fair queueing). Served means charged: by an estimate at the start of an attempt, by
 * what it took at its end. The bill is kept here anew, from what nodes say that attempts took.
 */
import type { ErrorCode, Outcome, TaskId, TaskResult, TenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker, Violate } from './checker.ts';
import { Estimates } from './estimates.ts';

/** The bound holds for exact costs; what is corrected late may add up for a moment. */
const slack = 2;

const unbilled: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'OUTCOME_UNKNOWN',
  'CANCELLED',
  'TIME_LIMIT',
  'RETRIES_EXHAUSTED',
]);

/** The leader has learnt from these what no fact says: its estimates are known no longer. */
const misleading: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TIME_LIMIT', 'RETRIES_EXHAUSTED']);

interface Bill {
  weight: number;
  served: number;
  /** First attempts that wait, with what they need. */
  readonly waiting: Map<TaskId, string>;
  flights: number;
  largestCharge: number;
  largestCorrection: number;
  flightsMax: number;
}

interface Flight {
  readonly tenant: TenantName;
  readonly kind: string;
  readonly cost: number;
  /** Which nodes were there: a share is one of the whole. */
  readonly nodes: number;
  /** From a leader before: nothing was charged for it, but what it takes is learnt. */
  readonly inherited: boolean;
}

interface Task {
  readonly tenant: TenantName;
  readonly estimated: string;
  readonly kind: string;
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
          return ledger.weigh(fact.tenant, fact.weight);
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
          return ledger.landed(fact.task, tookOf(fact.task, fact.attempt, fact.reason));
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
  /** By pair of tenants that both wait: the range of the difference of what they were served. */
  readonly #pairs = new Map<string, { low: number; high: number }>();
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
    for (const bill of this.#bills.values()) bill.flights = 0;
    this.#forgetPairs();
  }

  misled(): void {
    this.#misled = true;
  }

  weigh(tenant: TenantName, weight: number): void {
    this.#bill(tenant).weight = weight;
    this.#pairs.clear();
  }

  nodesChanged(): void {
    this.#nodes += 1;
    this.#forgetPairs();
  }

  submitted(fact: Extract<SchedulerFact, { kind: 'task-submitted' }>): void {
    const { task, tenant, name, bundle, resources } = fact;
    const kind = JSON.stringify(resources);
    this.#tasks.set(task, { tenant, kind, estimated: `${bundle} ${name}`, attempt: 0 });
    const { waiting } = this.#bill(tenant);
    if (waiting.size === 0) this.#forgetPairsOf(tenant);
    waiting.set(task, kind);
  }

  attemptOf(id: TaskId): number {
    return this.#tasks.get(id)?.attempt ?? 0;
  }

  started(id: TaskId, attempt: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.attempt = attempt;
    const { tenant, kind } = task;
    const bill = this.#bill(tenant);
    const others = this.#rivals(tenant, kind);
    const cost = this.#estimates.of(task.estimated);
    this.#flights.set(id, { tenant, kind, cost, nodes: this.#nodes, inherited: false });
    bill.flights += 1;
    bill.served += cost;
    bill.largestCharge = Math.max(bill.largestCharge, cost);
    bill.flightsMax = Math.max(bill.flightsMax, bill.flights);
    for (const other of others) this.#compare(tenant, other, id);
    bill.waiting.delete(id);
    if (!onlyOne(bill, kind)) this.#forgetPairsOf(tenant);
  }

  landed(id: TaskId, tookMs: number | undefined): void {
    const task = this.#tasks.get(id);
    const flight = this.#flights.get(id);
    if (task === undefined || flight === undefined) return;
    this.#flights.delete(id);
    if (flight.inherited) {
      if (tookMs !== undefined) this.#estimates.learn(task.estimated, tookMs);
      return;
    }
    const bill = this.#bill(flight.tenant);
    bill.flights -= 1;
    if (tookMs === undefined || flight.nodes !== this.#nodes) this.#forgetPairsOf(flight.tenant);
    if (tookMs === undefined) return;
    this.#estimates.learn(task.estimated, tookMs);
    const correction = Math.max(tookMs, 1) - flight.cost;
    bill.served += correction;
    bill.largestCorrection = Math.max(bill.largestCorrection, Math.abs(correction));
    for (const other of this.#rivals(flight.tenant, flight.kind)) this.#widen(flight.tenant, other);
  }

  ended(id: TaskId): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    this.#tasks.delete(id);
    const { waiting } = this.#bill(task.tenant);
    waiting.delete(id);
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
    const range = this.#widen(tenant, other);
    const bound = slack * (lagMax(this.#bill(tenant)) + lagMax(this.#bill(other)));
    const gap = range.high - range.low;
    if (this.#misled || gap <= bound) return;
    this.#violate(
      `${task} starts, and of ${tenant} and ${other}, which both wait, one is ${gap.toFixed(0)} ms by weight ahead, at most ${bound.toFixed(0)} is fair`,
    );
  }

  #widen(tenant: TenantName, other: TenantName): { low: number; high: number } {
    const [first, second] = tenant < other ? [tenant, other] : [other, tenant];
    const key = `${first} ${second}`;
    const known = this.#pairs.get(key);
    const [left, right] = [this.#bill(first), this.#bill(second)];
    const ahead = left.served / left.weight - right.served / right.weight;
    if (known === undefined) {
      for (const bill of [left, right]) {
        bill.largestCharge = Math.max(this.#estimates.largest, bill.largestCharge);
      }
      const range = { low: ahead, high: ahead };
      this.#pairs.set(key, range);
      return range;
    }
    known.low = Math.min(known.low, ahead);
    known.high = Math.max(known.high, ahead);
    return known;
  }

  #forgetPairs(): void {
    this.#pairs.clear();
    for (const bill of this.#bills.values()) {
      bill.largestCharge = 0;
      bill.largestCorrection = 0;
      bill.flightsMax = bill.flights;
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
    const nothing = { flights: 0, largestCharge: 0, largestCorrection: 0, flightsMax: 0 };
    const bill = { weight: 1, served: 0, waiting: new Map(), ...nothing };
    this.#bills.set(tenant, bill);
    return bill;
  }
}

function onlyOne({ waiting }: Bill, kind: string): boolean {
  if (waiting.size === 0) return false;
  for (const one of waiting.values()) if (one !== kind) return false;
  return true;
}

/** One task by estimate, and what those under way may turn out to be wrong by. */
function lagMax({ largestCharge, largestCorrection, flightsMax, weight }: Bill): number {
  return (largestCharge + flightsMax * largestCorrection) / weight;
}
