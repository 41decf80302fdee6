/**
 * Traces of heartbeats from a seed, and a detector that reads them. Nodes beat each second, in order;
 * each dies twice an hour, half the time with its machine, and comes back after it was declared dead.
 * While its machine lives, a kernel there answers for it: it runs (or is paused), or it is gone.
 */
import { Suspicion, suspicionTerms, type Verdict } from '../../src/suspicion/index.ts';

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
  tick(now: number): readonly string[];
}

export type Witness = (node: string) => 'runs' | 'gone' | undefined;

/** Ours: whom it suspects it asks a witness about, again until that answers. */
export function ours(witness: Witness): Detector {
  const suspicion = new Suspicion(0);
  const suspects = new Set<string>();
  let askAt = 0;
  return {
    watch: (now, node) => suspicion.watch(now, node),
    beat: (now, node) => suspicion.beat(now, node),
    tick(now) {
      const dead: string[] = [];
      const take = (verdicts: readonly Verdict[]) => {
        for (const { kind, node } of verdicts) {
          if (kind === 'suspected') suspects.add(node);
          else dead.push(node);
        }
      };
      take(suspicion.tick(now));
      if (now < askAt) return dead;
      askAt = now + suspicionTerms.witnessMs / 5;
      for (const node of suspects) {
        if (suspicion.state(node) !== 'suspected') suspects.delete(node);
        else {
          const said = witness(node);
          if (said !== undefined) take(suspicion.testify(now, node, said));
        }
      }
      return dead;
    },
  };
}

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
  machineLives: boolean;
  pauseFrom: number;
  pauseTo: number;
  bornAgainAt: number;
}

const tickMs = 100;
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
    return {
      name,
      sentAt: at,
      arrivesAt: at + chance() * beatMs,
      diesAt: at + beatMs + untilNext(2),
      machineLives: chance() < 0.5,
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
    const isDead = node === undefined || node.diesAt <= now;
    const isThere = node !== undefined && (!isDead || node.machineLives);
    const isLost = chance() < lossShare || chance() < lossShare;
    if (!isThere || isLost || delay(chance) + delay(chance) > 500) return undefined;
    return isDead ? 'gone' : 'runs';
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
