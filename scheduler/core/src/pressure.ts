/**
 * How much there is to bear, where the cell is configured so: tasks that wait, the memory of the nodes, the journal
 * since its last image. What is given up, in which order, and when it comes back, is decided by
 * `autoscale/degradation.ts`, and is a fact, so that whoever leads next goes on from it.
 *
 * The leader itself gives up what is its own: nodes that are asked for ahead of need, rebalancing, and work of low, then
 * of normal priority, which is told to come back. Checkpoints and reports of progress are the nodes': for those it is
 * only said.
 */
import { type Failure, failure, type PriorityName } from '@troupe/model';
import { Degradation, degradationTerms, type Measure, measures } from './autoscale/index.ts';
import type { Desk } from './desk.ts';
import type { PressureConfig } from './events.ts';
import type { FailureDetection } from './failure-detection.ts';

const lookMs = 1_000;
/** Work that is turned away may come again after so long. */
const retryAfterMs = 10_000;

const admissions: { readonly [P in PriorityName]: Measure | undefined } = {
  low: 'low-priority-admission',
  normal: 'normal-priority-admission',
  high: undefined,
};

export class Pressure {
  readonly #desk: Desk;
  readonly #config: PressureConfig | undefined;
  readonly #detection: FailureDetection;
  readonly #degradation: Degradation;

  constructor(desk: Desk, detection: FailureDetection) {
    this.#desk = desk;
    this.#config = desk.config.pressure;
    this.#detection = detection;
    const count = this.#config === undefined ? 0 : desk.state.givenUp.count;
    const { downMs = degradationTerms.downMs, upMs = degradationTerms.upMs } = this.#config ?? {};
    this.#degradation = new Degradation({ ...degradationTerms, downMs, upMs }, count);
    if (this.#config !== undefined) this.#lookLater();
  }

  /** A new leader: where nothing may be given up any more, all is back. */
  takeOver(): void {
    if (this.#config !== undefined || this.#desk.state.givenUp.count === 0) return;
    this.#note('the cell is not configured to give anything up');
  }

  look(): void {
    if (this.#config === undefined) return;
    this.#lookLater();
    const { tasksMax, factsMax } = this.#config;
    const { state, ledMs } = this.#desk;
    const change = this.#degradation.feel(ledMs, {
      queueShare: state.tasks.readyCount / tasksMax,
      memoryShare: this.#memoryShare(),
      journalShare: (state.factCount - (state.stored?.facts ?? 0)) / this.#factsMax(factsMax),
    });
    if (change !== undefined) this.#note(change.reason);
  }

  isGivenUp(measure: Measure): boolean {
    return !this.#degradation.has(measure);
  }

  /** Why work of this priority is not taken in now, if so. */
  admissionFault(priority: PriorityName = 'normal'): Failure | undefined {
    const fault = this.#desk.memoryFault('work');
    if (fault !== undefined) return fault;
    const measure = admissions[priority];
    if (measure === undefined || !this.isGivenUp(measure)) return undefined;
    const what = `work of priority ${priority} is not taken in: ${this.#desk.state.givenUp.reason}`;
    return failure('RESOURCE_EXHAUSTED', `${what}; retry in ${retryAfterMs} ms`, { retryAfterMs });
  }

  /** Undefined where nothing is given up. */
  view(): { readonly measures: readonly string[]; readonly reason: string } | undefined {
    const { count, reason } = this.#desk.state.givenUp;
    if (count === 0) return undefined;
    return { measures: measures.slice(0, count).map(({ name }) => name), reason };
  }

  #note(reason: string): void {
    const { ledMs } = this.#desk;
    const { count } = this.#degradation;
    this.#desk.decide({ kind: 'measures-given-up', count, reason, ledMs });
  }

  /** An image of a large state is written when the journal has grown by a share of it. */
  #factsMax(factsMax: number): number {
    const { actors, tasks, runs } = this.#desk.state;
    return Math.max(factsMax, actors.size + tasks.readyCount + runs.size);
  }

  /** Of all nodes that serve and offer any, by their last heartbeats. */
  #memoryShare(): number {
    let [used, offered] = [0, 0];
    for (const { incarnation, resources } of this.#desk.state.nodes.serving) {
      const load = this.#detection.load(incarnation);
      const { memory = 0 } = resources;
      if (load === undefined || memory === 0) continue;
      used += load.memory;
      offered += memory;
    }
    return offered === 0 ? 0 : used / offered;
  }

  #lookLater(): void {
    this.#desk.deadlines.set(this.#desk.now + lookMs, { kind: 'pressure' });
  }
}
