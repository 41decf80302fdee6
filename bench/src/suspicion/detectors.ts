/**
 * The detectors that are compared, each behind the same few questions.
 *
 * fixed N s      dead after N seconds of silence.
 * phi 8          normal model, least deviation 100 ms, 3 s of pause accepted (Akka's defaults).
 * SWIM-like      asks each node every second (500 ms for the answer, then three others ask), suspects
 *                without one, and declares dead after 4 log10(n) s without a sign of life.
 * ours, silence  @troupe/scheduler-core/suspicion without a witness.
 * ours           the same, with a witness: asked every 200 ms for one second.
 */
import { Phi, Suspicion, suspicionTerms } from '@troupe/scheduler-core/suspicion';

export type Answer = 'runs' | 'gone' | 'none';

export interface Asked {
  /** Does the process answer within so long, through so many journeys there and back? */
  readonly answers: (node: number, withinMs: number, journeys: number) => boolean;
  /** What the machine's kernel says of the process. */
  readonly witness: (node: number) => Answer;
}

export interface Detector {
  watch(now: number, node: number): void;
  beat(now: number, node: number): void;
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

class Ours implements Detector {
  readonly #asked: Asked | undefined;
  #suspicion = new Suspicion(0);
  readonly #open = new Set<number>();
  #askAt = 0;

  constructor(asked: Asked | undefined) {
    this.#asked = asked;
  }

  watch(now: number, node: number): void {
    this.#suspicion.watch(now, `${node}`);
  }

  beat(now: number, node: number): void {
    this.#suspicion.beat(now, `${node}`);
    this.#open.delete(node);
  }

  tick(now: number): readonly number[] {
    const dead: number[] = [];
    const take = (verdicts: ReturnType<Suspicion['tick']>) => {
      for (const { kind, node } of verdicts) {
        if (kind === 'suspected') this.#open.add(Number(node));
        else {
          this.#open.delete(Number(node));
          this.#suspicion.forget(node);
          dead.push(Number(node));
        }
      }
    };
    take(this.#suspicion.tick(now));
    if (this.#asked === undefined || now < this.#askAt) return dead;
    this.#askAt = now + suspicionTerms.witnessMs / 5;
    for (const node of this.#open) {
      const answer = this.#asked.witness(node);
      if (answer === 'none') continue;
      this.#open.delete(node);
      take(this.#suspicion.testify(now, `${node}`, answer));
    }
    return dead;
  }
}
