/**
 * The whole queue before many slots, by costs that it does not know: how far pairs drift apart, and
 * whether a slot ever stays empty while a task waits that fits.
 */
import { FairQueue, type Picked, type TenantTask } from '@troupe/scheduler-core/fair';
import { heavyTailed } from './chance.ts';
import { costMaxOfAll, PairRanges, tenantCount } from './pairs.ts';

interface Guessed extends TenantTask {
  readonly number: number;
  readonly cost: number;
  /** What it is expected to cost. */
  readonly guess: number;
}

interface Running {
  readonly endsAt: number;
  readonly picked: Picked<Guessed, string>;
}

export interface SlotLag {
  /** Worst lag as a part of (c_i + M c_max)/w_i + (c_j + M c_max)/w_j; nothing is added for wrong guesses. */
  readonly ofBound: number;
  /** How often a slot stayed empty though something waited. */
  readonly idle: number;
}

export function slotLag(given: {
  readonly slots: number;
  /** A guess is wrong by at most so much of the cost. */
  readonly error: number;
  readonly decisions: number;
  readonly chance: () => number;
}): SlotLag {
  const { slots, error, decisions, chance } = given;
  const weights = Array.from({ length: tenantCount }, () => 1 + Math.floor(chance() * 12));
  const largest = weights.map((_, tenant) => 20 + (tenant % 5) * 20);
  const left = weights.map(() => 0);
  const pairs = new PairRanges(weights, largest);
  const queue = queueOf<Guessed>({ costOf: ({ guess }) => guess, place: () => 'here' });
  let made = 0;
  const arrive = (number: number) => {
    if (left[number] === 0) pairs.waits(number);
    for (let more = 1 + Math.floor(chance() * 40); more > 0; more--) {
      const cost = heavyTailed(chance, largest[number] ?? costMaxOfAll);
      const guess = cost * (1 + error * (2 * chance() - 1));
      queue.push({ ...named(number, made++), number, cost, guess, shape: shapeOf(1) }, 0);
      left[number] = (left[number] ?? 0) + 1;
    }
  };
  for (const [number, weight] of weights.entries()) {
    queue.put(`t${number}`, { weight }, 0);
    arrive(number);
  }
  const running: Running[] = [];
  let idle = 0;
  let now = 0;
  for (let decision = 0; decision < decisions; decision++) {
    if (running.length === slots) now = land(queue, running, now);
    const picked = queue.take(now);
    if (picked === undefined) {
      idle++;
      continue;
    }
    const { number, cost } = picked.task;
    start(running, { endsAt: now + cost, picked });
    pairs.served(number, cost / (weights[number] ?? 1));
    left[number] = (left[number] ?? 0) - 1;
    if (left[number] === 0) pairs.idles(number);
    const other = Math.floor(chance() * tenantCount);
    if ((left[other] ?? 0) === 0 && (chance() < 0.2 || pairs.waiting < 2)) arrive(other);
    for (let late = 0; queue.size === 0; late++) arrive(late);
  }
  return { ofBound: pairs.worst(slots * costMaxOfAll).ofBound, idle };
}

export interface Conserved {
  readonly moments: number;
  /** Moments in which nothing more was taken though something that waited had room. */
  readonly idle: number;
  /** Of the cpus, what was in use on average. */
  readonly used: number;
}

/** 20 tenants whose tasks need 1 to 16 cpus of 64, always more of them than fit. */
export function conserved(decisions: number, chance: () => number): Conserved {
  const cpus = 64;
  const sizes = [1, 2, 4, 8, 16];
  const waiting = new Map(sizes.map((cpu) => [cpu, 0]));
  let free = cpus;
  const cpuOf = ({ shape }: Guessed) => (shape.amounts[0]?.milli ?? 0) / 1_000;
  const queue = queueOf<Guessed>({
    costOf: ({ cost }) => cost,
    place: (task) => (cpuOf(task) <= free ? 'here' : undefined),
  });
  const running: Running[] = [];
  let [made, now, idle, moments, usedTime] = [0, 0, 0, 0, 0];
  while (moments < decisions) {
    while (queue.size < 200) {
      const number = Math.floor(chance() * 20);
      const cpu = sizes[Math.floor(chance() * sizes.length)] ?? 1;
      const cost = cpu * heavyTailed(chance, 100);
      const task = { ...named(number, made++), number, cost, guess: cost, shape: shapeOf(cpu) };
      queue.push(task, now);
      waiting.set(cpu, (waiting.get(cpu) ?? 0) + 1);
    }
    for (let picked = queue.take(now); picked !== undefined; picked = queue.take(now)) {
      const cpu = cpuOf(picked.task);
      free -= cpu;
      waiting.set(cpu, (waiting.get(cpu) ?? 0) - 1);
      start(running, { endsAt: now + picked.task.cost / cpu, picked });
    }
    moments++;
    if (sizes.some((cpu) => cpu <= free && (waiting.get(cpu) ?? 0) > 0)) idle++;
    const before = now;
    const taken = cpus - free;
    now = land(queue, running, now, (task) => {
      free += cpuOf(task);
      queue.unblock((shape) => (shape.amounts[0]?.milli ?? 0) <= free * 1_000);
    });
    usedTime += taken * (now - before);
  }
  return { moments, idle, used: usedTime / (cpus * now) };
}

function queueOf<T extends TenantTask>(rules: {
  readonly costOf: (task: T) => number;
  readonly place: (task: T) => string | undefined;
}): FairQueue<T, string> {
  const { costOf, place } = rules;
  return new FairQueue({ costOf, coefficientOf: () => 1, place: (_shape, task) => place(task) });
}

/** `running` is kept by when tasks end, the first to end last. */
function start(running: Running[], begun: Running): void {
  let [low, high] = [0, running.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((running[middle]?.endsAt ?? 0) > begun.endsAt) low = middle + 1;
    else high = middle;
  }
  running.splice(low, 0, begun);
}

/** The one that ends first ends; answers when. */
function land(
  queue: FairQueue<Guessed, string>,
  running: Running[],
  now: number,
  landed: (task: Guessed) => void = () => undefined,
): number {
  const ended = running.pop();
  if (ended === undefined) return now;
  const { task, cost } = ended.picked;
  queue.landed(task, ended.endsAt, { charged: cost, real: task.cost });
  landed(task);
  return ended.endsAt;
}

function named(number: number, made: number) {
  return { id: `${made}`, tenant: `t${number}`, priority: 'normal' } as const;
}

function shapeOf(cpu: number) {
  return { key: `cpu=${cpu * 1_000};`, amounts: [{ name: 'cpu', milli: cpu * 1_000 }] };
}
