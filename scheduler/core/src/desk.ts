/**
 * The leader's desk: the time, the term, and the only ways in which a leader does anything. Every
 * change goes through `decide`; everything said is collected and leaves after it.
 */
import {
  type Address,
  type Answer,
  type Failure,
  failure,
  type Incarnation,
  type Located,
  type Output,
  OutputDraft,
  type Term,
  type ToNode,
} from '@troupe/model';
import { Deadlines } from './deadlines.ts';
import type { SchedulerConfig, SchedulerReply, SchedulerSend, SchedulerWork } from './events.ts';
import type { SchedulerFact } from './facts.ts';
import { Generator } from './generator.ts';
import type { State } from './state.ts';
import { Told } from './told.ts';
import type { Asker } from './waiting.ts';

/** What was not taken in for want of memory may come again after so long. */
const retryAfterMs = 10_000;

export class Desk {
  readonly config: SchedulerConfig;
  readonly state: State;
  readonly term: Term;
  readonly deadlines = new Deadlines();
  readonly told = new Told();
  readonly generator: Generator;
  /** Monotonic ms of the event at hand. */
  now: number;
  /** Wall-clock ms of the event at hand, for people: nothing is decided by it. */
  wall: number;
  /** What this process may hold in memory is all but used up: nothing new is taken in. */
  isShortOfMemory = false;
  /** What leaders had led by the journal when this one began, less its own time then. */
  readonly #ledAhead: number;
  readonly #draft: OutputDraft<SchedulerFact, SchedulerSend, SchedulerReply, SchedulerWork>;

  /** Opens a term: the position of its opening fact is its number. */
  constructor(
    given: { config: SchedulerConfig; state: State; now: number; wall: number },
    opened: { scheduler: string; generation: number },
  ) {
    this.config = given.config;
    this.state = given.state;
    this.now = given.now;
    this.wall = given.wall;
    this.#ledAhead = given.state.ledMs - given.now;
    this.#draft = new OutputDraft();
    const number = this.decide({ kind: 'term-opened', ...opened, at: given.wall });
    this.term = { generation: opened.generation, number };
    this.generator = new Generator(given.config.seed + number);
  }

  /**
   * For how long leaders have led, as far as the journal tells a successor: it never goes back, nor
   * on faster than time does, whoever leads and whatever clocks are wrong.
   */
  get ledMs(): number {
    // What was taken off and is put on again may come out a rounding less.
    return Math.max(this.state.ledMs, this.#ledAhead + this.now);
  }

  /** Applies a fact and has it appended. Answers its position. */
  decide(fact: SchedulerFact): number {
    const position = this.state.apply(fact);
    this.#draft.append(fact);
    return position;
  }

  toNode(node: Incarnation, message: ToNode): void {
    this.#draft.send({ kind: 'to-node', node, message });
  }
  toAllNodes(message: ToNode): void {
    this.#draft.send({ kind: 'to-all-nodes', message });
  }
  /** I/O for the rim. */
  order(order: Exclude<SchedulerSend, { kind: 'to-node' | 'to-all-nodes' }>): void {
    this.#draft.send(order);
  }
  answer(asker: Asker, answer: Answer): void {
    const { to, number } = asker;
    this.told.note(asker, answer);
    const { term } = this;
    this.#draft.reply({ to, message: { kind: 'answered', number, term, answer } });
  }
  refuse(asker: Asker, ...reason: Parameters<typeof failure>): void {
    this.answer(asker, { kind: 'failed', failure: failure(...reason) });
  }
  /** Why something new is not taken in, if so. */
  memoryFault(what: string): Failure | undefined {
    if (!this.isShortOfMemory) return undefined;
    const why = `${what} is not taken in: the scheduler that leads is short of memory`;
    const details = { retryAfterMs };
    return failure('RESOURCE_EXHAUSTED', `${why}; retry in ${retryAfterMs} ms`, details);
  }
  located(to: Address, located: Omit<Located, 'kind'>): void {
    this.#draft.reply({ to, message: { kind: 'located', ...located } });
  }

  take(): Output<SchedulerFact, SchedulerSend, SchedulerReply, SchedulerWork> {
    return this.#draft.take();
  }
}
