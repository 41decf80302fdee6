/**
 * A bill for each of several who share: tenants, the queues of a tenant, the priorities of a queue. A
 * start of one while another waits for the same bounds how far apart the beginnings of the two can be,
 * and what is left when all bounds are met must not be empty.
 */
import type { PriorityName, Resources, TaskId } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { Violate } from '../checker.ts';
import { Estimates } from './estimates.ts';

type Submitted = Extract<SchedulerFact, { kind: 'task-submitted' }>;

/** Who shares with whom. */
export interface Sharing {
  partyOf(fact: Submitted): string;
  /** Only parties of one group share with each other. */
  groupOf(fact: Submitted): string;
  /** Tasks of one kind wait for the same; undefined when its start is not judged. */
  kindOf(fact: Submitted): string | undefined;
  /** What the weight of a party is multiplied by. */
  factorOf(fact: Submitted): number;
  /** Whether it is promised how far apart two are that begin to be compared; by what tasks cost for each ms. */
  readonly promised: ((resources: Resources) => number) | undefined;
  /** Milliseconds, by no clock of theirs. */
  now(): number;
}

/** Beside what is normal. */
export const priorityWeights: { readonly [P in PriorityName]: number } = {
  high: 1.5,
  normal: 1,
  low: 0.5,
};

/** Sums of the same numbers in another order differ by so many ms. */
const roundingMs = 0.01;
const notJudged = '';
/** No clock of theirs goes faster than the one here by more. */
const clockFactorMax = 1.1;

interface Bill {
  readonly group: string;
  weight: number;
  /** It may be held back by what has no part in this. */
  limited: boolean;
  served: number;
  /** First attempts that wait, with what they need. */
  readonly waiting: Map<TaskId, string>;
  /** Likewise what will wait again, or does by now. */
  readonly again: Map<TaskId, string>;
  /** What it has submitted, as estimates know it, with the least factor of its weight. */
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
  readonly party: string;
  readonly kind: string;
  readonly factor: number;
  readonly cost: number;
  readonly since: number;
  readonly resources: Resources;
  /** Which nodes were there. */
  readonly nodes: number;
  /** From a leader before: nothing was charged for it, but what it takes is learnt. */
  readonly inherited: boolean;
}

interface Task {
  readonly party: string;
  readonly estimated: string;
  readonly kind: string;
  readonly factor: number;
  readonly resources: Resources;
  /** Those of one shape wait for the same, whatever their priority. */
  readonly shape: string;
  attempt: number;
}

export class Ledger {
  readonly #violate: Violate;
  readonly #sharing: Sharing;
  readonly #bills = new Map<string, Bill>();
  readonly #tasks = new Map<TaskId, Task>();
  readonly #flights = new Map<TaskId, Flight>();
  /** By pair of parties that both wait. */
  readonly #pairs = new Map<string, Pair>();
  #estimates = new Estimates();
  #nodes = 0;
  /** Shapes of which this leader has started something. */
  readonly #shapes = new Set<string>();
  /** The most that a task was charged under this leader. */
  #largest = 0;
  /** Tasks that ran when the leader last looked how much credit is kept. */
  #inFlight = 0;
  /** By this leader's estimates nobody is judged. */
  #misled = false;

  constructor(sharing: Sharing, violate: Violate) {
    this.#sharing = sharing;
    this.#violate = violate;
  }

  /** It knows no more than the journal: what was charged before is forgotten. */
  newLeader(): void {
    this.#estimates = new Estimates();
    this.#misled = false;
    for (const [id, flight] of this.#flights) this.#flights.set(id, { ...flight, inherited: true });
    this.#pairs.clear();
    this.#shapes.clear();
    this.#largest = 0;
    for (const bill of this.#bills.values()) {
      this.#expect(bill);
      bill.correctedMs = 0;
    }
  }

  misled(): void {
    this.#misled = true;
  }

  weigh(party: string, group: string, weight: number): void {
    this.#bill(party, group).weight = weight;
    this.#pairs.clear();
  }

  /** Whether something else than its share may hold it back. */
  limit(party: string, group: string, limited: boolean): void {
    this.#bill(party, group).limited = limited;
  }

  nodesChanged(): void {
    this.#nodes += 1;
    this.#pairs.clear();
    for (const bill of this.#bills.values()) bill.outdated = true;
  }

  submitted(fact: Submitted): void {
    const { task, name, bundle, resources, placement = {} } = fact;
    const party = this.#sharing.partyOf(fact);
    const kind = this.#sharing.kindOf(fact) ?? notJudged;
    const factor = this.#sharing.factorOf(fact);
    const estimated = `${bundle} ${name}`;
    const shape = JSON.stringify([resources, placement]);
    this.#tasks.set(task, { party, kind, estimated, factor, resources, shape, attempt: 0 });
    const bill = this.#bill(party, this.#sharing.groupOf(fact));
    const least = bill.estimated.get(estimated) ?? factor;
    bill.estimated.set(estimated, Math.min(least, factor));
    if (bill.waiting.size === 0) this.#forgetPairsOf(party);
    bill.nextMs = Math.max(bill.nextMs, this.#estimates.of(estimated) / factor);
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
    const { party, kind, factor, resources } = task;
    const bill = this.#bills.get(party);
    if (bill === undefined) return;
    bill.again.delete(id);
    for (const other of this.#rivals(party, kind)) this.#compare(party, other, { id, ...task });
    const cost = this.#estimates.of(task.estimated);
    const begun = { since: this.#sharing.now(), nodes: this.#nodes, inherited: false };
    this.#flights.set(id, { party, kind, factor, cost, resources, ...begun });
    this.#shapes.add(task.shape);
    this.#bound(cost, resources);
    bill.served += cost / factor;
    this.#expect(bill);
    bill.waiting.delete(id);
    if (!onlyOne(bill, kind)) this.#forgetPairsOf(party);
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
    const bill = this.#bills.get(flight.party);
    if (bill === undefined) return;
    // A share is one of the whole, and one kind costs by its share what another does not.
    const comparable = flight.nodes === this.#nodes && onlyOne(bill, flight.kind);
    if (tookMs === undefined || !comparable) this.#forgetPairsOf(flight.party);
    if (tookMs === undefined) {
      // It costs the time that it ran by the leader's clock, which nobody tells.
      const ranMs = clockFactorMax * (this.#sharing.now() - flight.since);
      bill.correctedMs += Math.max(flight.cost, ranMs) / flight.factor;
      return;
    }
    this.#learn(task.estimated, tookMs);
    this.#bound(tookMs, flight.resources);
    const correction = (Math.max(tookMs, 1) - flight.cost) / flight.factor;
    bill.served += correction;
    bill.correctedMs += Math.abs(correction);
  }

  waitsAgain(id: TaskId): void {
    const task = this.#tasks.get(id);
    if (task !== undefined) this.#bills.get(task.party)?.again.set(id, task.kind);
  }

  ended(id: TaskId): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    this.#tasks.delete(id);
    const bill = this.#bills.get(task.party);
    bill?.waiting.delete(id);
    bill?.again.delete(id);
    if (bill?.waiting.size === 0) this.#forgetPairsOf(task.party);
  }

  /** Who else waits for the same, and for nothing else. */
  #rivals(party: string, kind: string): string[] {
    const bill = this.#bills.get(party);
    if (bill === undefined || !onlyOne(bill, kind)) return [];
    const found: string[] = [];
    for (const [name, other] of this.#bills) {
      if (name === party || other.group !== bill.group) continue;
      if (onlyOne(other, kind)) found.push(name);
    }
    return found;
  }

  #compare(party: string, other: string, task: Task & { readonly id: TaskId }): void {
    const isFirst = party < other;
    const [first, second] = isFirst ? [party, other] : [other, party];
    const key = JSON.stringify([first, second]);
    const [left, right] = [this.#bills.get(first), this.#bills.get(second)];
    if (left === undefined || right === undefined || left.outdated || right.outdated) return;
    const ahead = left.served / left.weight - right.served / right.weight;
    const pair = this.#pairs.get(key) ?? this.#begin({ left, right, ahead }, task);
    this.#pairs.set(key, pair);
    if (isFirst) pair.most = Math.min(pair.most, right.nextMs / right.weight - ahead);
    else pair.least = Math.max(pair.least, -left.nextMs / left.weight - ahead);
    const tooMuch = pair.least - pair.most;
    if (this.#misled || tooMuch <= roundingMs) return;
    this.#violate(
      `${task.id} starts, and of ${party} and ${other}, which both wait, one is ${tooMuch.toFixed(0)} ms by weight further ahead than one task of each`,
    );
  }

  /** What is promised of any two, and what corrections did before: so far apart may two begin. Where other shapes
   *  were served, also by what is kept for whoever could not use its share. */
  #begin(
    { left, right, ahead }: { readonly left: Bill; readonly right: Bill; readonly ahead: number },
    { shape, resources }: Task,
  ): Pair {
    const { promised: cpusOf } = this.#sharing;
    if (cpusOf === undefined) {
      return { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };
    }
    let largestMs = 0;
    let leastWeight = Number.POSITIVE_INFINITY;
    for (const bill of this.#bills.values()) {
      largestMs = Math.max(largestMs, bill.nextMs);
      if (bill.waiting.size + bill.again.size === 0) continue;
      leastWeight = Math.min(leastWeight, leastWeightOf(bill));
    }
    const of = ({ nextMs, correctedMs, weight }: Bill) =>
      (nextMs + largestMs + correctedMs) / weight;
    const lag = of(left) + of(right);
    if ([...this.#shapes].every((one) => one === shape)) {
      return { least: -lag - ahead, most: lag - ahead };
    }
    const chargedMs = this.#largest / cpusOf(resources);
    const corrected = left.correctedMs / left.weight + right.correctedMs / right.weight;
    const kept = ((this.#inFlight + 2) * chargedMs) / leastWeight + corrected;
    const behind = (other: Bill) => Math.max(lag, kept + chargedMs / leastWeightOf(other));
    return { least: -behind(right) - ahead, most: behind(left) - ahead };
  }

  /** As the leader does whenever it charges. */
  #bound(ms: number, resources: Resources): void {
    const cpus = this.#sharing.promised?.(resources) ?? 1;
    this.#largest = Math.max(this.#largest, ms * cpus);
    this.#inFlight = this.#flights.size;
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

  #forgetPairsOf(party: string): void {
    for (const key of [...this.#pairs.keys()]) {
      if (key.includes(JSON.stringify(party))) this.#pairs.delete(key);
    }
  }

  #bill(party: string, group: string): Bill {
    const known = this.#bills.get(party);
    if (known !== undefined) return known;
    const bill: Bill = {
      group,
      weight: 1,
      limited: false,
      served: 0,
      waiting: new Map(),
      again: new Map(),
      estimated: new Map(),
      nextMs: 0,
      outdated: false,
      correctedMs: 0,
    };
    this.#bills.set(party, bill);
    return bill;
  }
}

function leastWeightOf({ weight, estimated }: Bill): number {
  return weight * Math.min(...estimated.values());
}

function onlyOne({ waiting, again, limited }: Bill, kind: string): boolean {
  if (waiting.size === 0 || limited || kind === notJudged) return false;
  for (const one of waiting.values()) if (one !== kind) return false;
  for (const one of again.values()) if (one !== kind) return false;
  return true;
}
