/**
 * The detectors that are compared, each behind the same few questions.
 *
 * fixed N s      dead after N seconds of silence.
 * phi 8          normal model, least deviation 100 ms, 3 s of pause accepted (Akka's defaults).
 * SWIM-like      asks each node every second (500 ms for the answer, then three others ask), suspects
 *                without one, and declares dead after 4 log10(n) s without a sign of life.
 * ours, silence  the scheduler machine, with nodes that have no witness and a broker that says nothing.
 * ours           the same with both.
 */
import { Phi } from '@troupe/scheduler-core/suspicion';
import { Ours } from './ours.ts';

export interface Asked {
  /** Does the process answer within so long, through so many journeys there and back? */
  readonly answers: (node: number, withinMs: number, journeys: number) => boolean;
  /** Does the thread beside the loop of the process answer in time? */
  readonly witness: (node: number) => boolean;
}

export interface Detector {
  watch(now: number, node: number): void;
  beat(now: number, node: number): void;
  /** The broker says that the connection of its process closed. */
  notice?(now: number, node: number): void;
  /** Those that are declared dead now. */
  tick(now: number): readonly number[];
}

export interface Candidate {
  readonly name: string;
  readonly make: (nodeCount: number, asked: Asked) => Detector;
}

export const candidates: readonly Candidate[] = [
  ...[3, 4, 5, 7].map((seconds) => ({
    name: `fixed ${seconds} s`,
    make: () => new Fixed(seconds * 1_000),
  })),
  { name: 'phi 8', make: () => new PlainPhi() },
  { name: 'SWIM-like', make: (nodeCount, asked) => new Swim(nodeCount, asked) },
  { name: 'ours, silence', make: () => new Ours(undefined) },
  { name: 'ours', make: (_, asked) => new Ours(asked) },
];

class Fixed implements Detector {
  readonly #heard = new Map<number, number>();
  readonly #silenceMs: number;

  constructor(silenceMs: number) {
    this.#silenceMs = silenceMs;
  }

  watch(now: number, node: number): void {
    this.#heard.set(node, now);
  }

  beat(now: number, node: number): void {
    if (this.#heard.has(node)) this.#heard.set(node, now);
  }

  tick(now: number): readonly number[] {
    const dead = [...this.#heard].filter(([, at]) => now - at > this.#silenceMs);
    for (const [node] of dead) this.#heard.delete(node);
    return dead.map(([node]) => node);
  }
}

class PlainPhi implements Detector {
  readonly #nodes = new Map<number, Phi>();

  watch(now: number, node: number): void {
    const terms = { samplesMax: 1_000, beatMs: 1_000, deviationMsMin: 100 };
    this.#nodes.set(node, new Phi(now, terms));
  }

  beat(now: number, node: number): void {
    this.#nodes.get(node)?.beat(now);
  }

  tick(now: number): readonly number[] {
    const dead = [...this.#nodes]
      .filter(([, phi]) => phi.silentMs(now) > phi.silenceMs(5.61) + 3_000)
      .map(([node]) => node);
    for (const node of dead) this.#nodes.delete(node);
    return dead;
  }
}

class Swim implements Detector {
  readonly #suspectedAt = new Map<number, number | undefined>();
  readonly #asked: Asked;
  readonly #suspicionMs: number;
  #roundAt = 0;

  constructor(nodeCount: number, asked: Asked) {
    this.#asked = asked;
    this.#suspicionMs = 4_000 * Math.max(1, Math.log10(nodeCount));
  }

  watch(_: number, node: number): void {
    this.#suspectedAt.set(node, undefined);
  }

  beat(): void {
    // Heartbeats are not what it goes by.
  }

  tick(now: number): readonly number[] {
    if (now < this.#roundAt) return [];
    this.#roundAt = now + 1_000;
    const dead: number[] = [];
    for (const [node, suspectedAt] of this.#suspectedAt) {
      const isThere =
        this.#asked.answers(node, 500, 1) ||
        [1, 2, 3].some(() => this.#asked.answers(node, 500, 2));
      if (isThere) this.#suspectedAt.set(node, undefined);
      else if (suspectedAt === undefined) this.#suspectedAt.set(node, now);
      else if (now - suspectedAt >= this.#suspicionMs) dead.push(node);
    }
    for (const node of dead) this.#suspectedAt.delete(node);
    return dead;
  }
}
