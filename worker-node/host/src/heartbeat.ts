/**
 * Says that this incarnation lives: by a timer of its own on a connection of its own, so that a
 * slow append or a crowded bus never looks like a dead node.
 */
import type { Bus, Clock } from '@troupe/fabric';
import type { Heartbeat, Incarnation, NodeLoad } from '@troupe/model';
import { LoadMeter } from './load.ts';

export interface HeartStart {
  readonly bus: Bus;
  readonly subject: string;
  readonly clock: Clock;
  readonly incarnation: Incarnation;
  readonly heartbeatMs: number;
  counts(): Omit<NodeLoad, 'cpu' | 'memory'>;
  runnerPids(): readonly number[];
  /** Whether a thread of ours answers for us (`witness.ts`). */
  hasWitness(): boolean;
}

export class Heart {
  readonly #start: HeartStart;
  readonly #meter = new LoadMeter();
  #counter = 0;
  #cancel: (() => void) | undefined;

  constructor(start: HeartStart) {
    this.#start = start;
  }

  begin(): void {
    this.beat();
    this.#cancel = this.#start.clock.after(this.#start.heartbeatMs, () => this.begin());
    // Measured beside the beat: the next one carries it. It never fails.
    void this.#meter.measure(this.#start.runnerPids());
  }

  /** One heartbeat now. */
  beat(): void {
    const { bus, subject, incarnation, counts, hasWitness } = this.#start;
    const load: NodeLoad = { ...this.#meter.load, ...counts() };
    this.#counter += 1;
    const beat: Heartbeat = {
      kind: 'heartbeat',
      incarnation,
      counter: this.#counter,
      load,
      ...(hasWitness() ? { witness: true } : {}),
    };
    bus.send(subject, beat);
  }

  stop(): void {
    this.#cancel?.();
  }
}
