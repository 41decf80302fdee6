/**
 * Traces of heartbeats from a seed. Nodes beat each second, in order; each dies twice an hour, half the time
 * with its machine, and comes back after it was declared dead. When a process dies alone its kernel closes
 * its connections, and the broker says so; while it lives, a thread of it answers, also in a pause of its loop.
 */

export interface Condition {
  readonly name: string;
  /** One way, in ms. */
  readonly delay: (chance: Chance) => number;
  readonly lossShare: number;
  /** Of 0.5 to 5 s each: the node sends nothing. */
  readonly pausesAnHour: number;
  /** Of 0.5 to 8 s each: the detector stands still. */
  readonly stallsAnHour: number;
}

export type Chance = () => number;

const jitter = (chance: Chance) => Math.max(1, 50 + 30 * normal(chance));
const plain = { delay: jitter, lossShare: 0, pausesAnHour: 0, stallsAnHour: 0 };

export const conditions: readonly Condition[] = [
  { ...plain, name: 'jitter' },
  { ...plain, name: 'a long tail of delays', delay: tailed },
  { ...plain, name: 'pauses of up to 5 s', pausesAnHour: 6 },
  { ...plain, name: 'a loss of 1 %', lossShare: 0.01 },
  { ...plain, name: 'a loss of 10 %', lossShare: 0.1 },
];

export const stalls: Condition = { ...plain, name: 'stalls of the observer', stallsAnHour: 4 };

/** Tells who it holds for dead. */
export interface Detector {
  watch(now: number, node: string): void;
  beat(now: number, node: string): void;
  /** The broker says that its connection closed. */
  notice?(now: number, node: string): void;
  tick(now: number): readonly string[];
}

/** True when the witness answers in time. */
export type Witness = (node: string) => boolean;

/** Whoever is silent for so long is dead. */
export function fixed(silenceMs: number): Detector {
  const heardAt = new Map<string, number>();
  return {
    watch: (now, node) => heardAt.set(node, now),
    beat: (now, node) => heardAt.set(node, now),
    tick(now) {
      const dead = [...heardAt].filter(([, at]) => now - at > silenceMs).map(([node]) => node);
      for (const node of dead) heardAt.delete(node);
      return dead;
    },
  };
}

export interface Found {
  readonly nodeHours: number;
  readonly falseAlarms: number;
  /** From each death to its discovery, the shortest first. */
  readonly detectionMs: readonly number[];
  /** Dead for a minute, and nobody has noticed. */
  readonly missed: number;
}

interface Node {
  readonly name: string;
  sentAt: number;
  arrivesAt: number;
  diesAt: number;
  /** When the broker says that its connection closed. */
  noticeAt: number;
  pauseFrom: number;
  pauseTo: number;
  bornAgainAt: number;
}

const tickMs = 50;
const beatMs = 1_000;
const hourMs = 3_600_000;
const never = Number.POSITIVE_INFINITY;

export function watchOver(
  make: (witness: Witness) => Detector,
  { delay, lossShare, pausesAnHour, stallsAnHour }: Condition,
  { nodes: count, hours, chance }: { nodes: number; hours: number; chance: Chance },
): Found {
  const untilNext = (anHour: number) =>
    anHour === 0 ? never : (-Math.log(1 - chance()) * hourMs) / anHour;
  const born = (name: string, at: number): Node => {
    const pauseFrom = at + untilNext(pausesAnHour);
    const diesAt = at + beatMs + untilNext(2);
    const isTold = chance() < 0.5 && chance() >= lossShare;
    return {
      name,
      sentAt: at,
      arrivesAt: at + chance() * beatMs,
      diesAt,
      noticeAt: isTold ? diesAt + delay(chance) : never,
      pauseFrom,
      pauseTo: pauseFrom + 500 + 4_500 * chance(),
      bornAgainAt: never,
    };
  };
  const send = (node: Node) => {
    do {
      node.sentAt += beatMs;
      if (node.sentAt < node.pauseFrom) continue;
      node.sentAt = Math.max(node.sentAt, node.pauseTo);
      node.pauseFrom = node.pauseTo + untilNext(pausesAnHour);
      node.pauseTo = node.pauseFrom + 500 + 4_500 * chance();
    } while (chance() < lossShare);
    node.arrivesAt =
      node.sentAt < node.diesAt ? Math.max(node.arrivesAt, node.sentAt + delay(chance)) : never;
  };
  const nodes = new Map<string, Node>();
  let now = 0;
  const detector = make((name) => {
    const node = nodes.get(name);
    if (node === undefined || node.diesAt <= now) return false;
    const isLost = chance() < lossShare || chance() < lossShare;
    return !isLost && delay(chance) + delay(chance) <= 500;
  });
  for (let i = 0; i < count; i++) nodes.set(`n${i}`, born(`n${i}`, 0));
  for (const name of nodes.keys()) detector.watch(0, name);
  let falseAlarms = 0;
  const detectionMs: number[] = [];
  const tick = () => {
    for (const name of detector.tick(now)) {
      const node = nodes.get(name);
      if (node === undefined) continue;
      if (node.diesAt > now) {
        falseAlarms++;
        detector.watch(now, name);
      } else {
        detectionMs.push(now - node.diesAt);
        node.bornAgainAt = now + 5_000;
      }
    }
  };
  let stallAt = untilNext(stallsAnHour);
  while (now < hours * hourMs) {
    now += tickMs;
    if (now >= stallAt) {
      now += 500 + 7_500 * chance();
      stallAt = now + untilNext(stallsAnHour);
      // Its timers fire before it reads what arrived meanwhile.
      tick();
    }
    for (const node of nodes.values()) {
      while (node.arrivesAt <= now) {
        detector.beat(now, node.name);
        send(node);
      }
      if (node.noticeAt <= now) {
        detector.notice?.(now, node.name);
        node.noticeAt = never;
      }
      if (node.bornAgainAt > now) continue;
      nodes.set(node.name, born(node.name, now));
      detector.watch(now, node.name);
    }
    tick();
  }
  const missed = [...nodes.values()].filter((node) => {
    return node.diesAt < now - 60_000 && node.bornAgainAt === never;
  }).length;
  detectionMs.sort((left, right) => left - right);
  return { nodeHours: count * hours, falseAlarms, detectionMs, missed };
}

function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
}

/** Lognormal around 20 ms; one in a hundred of Pareto's from 100 ms on, at most 20 s. */
function tailed(chance: Chance): number {
  if (chance() < 0.01) return Math.min(20_000, 100 / (1 - chance()) ** (1 / 1.5));
  return 20 * Math.exp(normal(chance));
}
