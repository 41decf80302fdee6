/**
 * Under pressure one thing after the other is given up, and comes back in the reverse order: each only where the facts say
 * that there is so much to bear, or so little, and no sooner than the cell is configured. What lasts is answered: who leads
 * long enough under too much gives something up. What is given up is not done: no actor is moved to even out the load,
 * no work of a priority is taken in that is not; and no other work is turned away for it.
 *
 * Nodes of the simulation say nothing of their memory, so pressure is that of queues and of the journal. Of that more is
 * borne where more is known, by actors, tasks and runs that have not been forgotten: here they are counted as if none ever were,
 * or as if there were none, whichever is in doubt's favour.
 */
import type { PriorityName, TaskId } from '@troupe/model';
import type { SchedulerConfig, SchedulerFact } from '@troupe/scheduler-core';
import type { Answered, MakeChecker, Violate } from './checker.ts';
import type { Truth } from './truth.ts';

type PressureConfig = NonNullable<SchedulerConfig['pressure']>;
type GivenUp = Extract<SchedulerFact, { kind: 'measures-given-up' }>;

/** What is given up when so many measures are. */
const ranks: { readonly [what in PriorityName | 'rebalancing']: number } = {
  rebalancing: 2,
  low: 5,
  normal: 6,
  high: Number.POSITIVE_INFINITY,
};
const countMax = 6;
const [downMsUsual, upMsUsual] = [5_000, 30_000];
const [highShare, lowShare] = [0.9, 0.6];
/** A leader looks so often. */
const lookMs = 1_000;
/** Whoever says nothing for longer may stand still meanwhile. */
const stillMs = 500;
const roundingMs = 1;

export const givenUpInOrder: MakeChecker = (truth, violate) => {
  const { pressure } = truth.config;
  if (pressure === undefined) {
    return {
      journalFact(fact) {
        if (fact.kind === 'measures-given-up') violate('something is given up, and nothing may be');
      },
    };
  }
  const felt = new Felt(pressure, truth, violate);
  return {
    journalFact: (fact) => felt.on(fact),
    answered: (answer) => felt.answered(answer),
  };
};

class Felt {
  readonly #config: PressureConfig;
  readonly #truth: Truth;
  readonly #violate: Violate;
  readonly #waiting = new Set<TaskId>();
  /** They wait for their next try, or are ready for it: only their leader knows. */
  readonly #retried = new Set<TaskId>();
  #facts = 0;
  #factsInImage = 0;
  /** Actors and runs that ever were. */
  #made = 0;
  #count = 0;
  /** As the journal says it last. */
  #ledMs = 0;
  /** The same when this term began, or something changed in it. */
  #sinceMs = 0;
  /** For how long there has been too much while somebody led who surely did not stand still. */
  #highMs = 0;
  /** In virtual time: how many were given up from then on. */
  readonly #counts: { readonly at: number; readonly count: number }[] = [{ at: 0, count: 0 }];

  constructor(config: PressureConfig, truth: Truth, violate: Violate) {
    this.#config = config;
    this.#truth = truth;
    this.#violate = violate;
  }

  on(fact: SchedulerFact): void {
    if ('ledMs' in fact) this.#pass(fact.ledMs);
    if (fact.kind === 'term-opened') [this.#sinceMs, this.#highMs] = [this.#ledMs, 0];
    if (fact.kind === 'measures-given-up') this.#change(fact);
    this.#checkDone(fact);
    this.#apply(fact);
    this.#facts += 1;
    const isHigh = this.#leastShare() >= highShare;
    if (!isHigh || this.#count === countMax) this.#highMs = 0;
  }

  /** Of work that is turned away for its tenant the tenant is named. */
  answered({ operation, outcome, refused }: Answered): void {
    if (operation.kind !== 'task' && operation.kind !== 'gang') return;
    if (refused !== true || outcome.ok || outcome.failure.code !== 'RESOURCE_EXHAUSTED') return;
    if (outcome.failure.details?.['tenant'] !== undefined) return;
    const { priority = 'normal', at } = operation;
    const most = this.#mostSince(at);
    if (most >= ranks[priority]) return;
    this.#violate(
      `a ${operation.kind} of priority ${priority} is turned away, at ${most} measures`,
    );
  }

  #pass(ledMs: number): void {
    this.#highMs += Math.min(ledMs - this.#ledMs, stillMs);
    this.#ledMs = ledMs;
    const { downMs = downMsUsual } = this.#config;
    if (this.#highMs <= downMs + 3 * lookMs) return;
    this.#violate(
      `there is too much to bear, and nothing is given up beyond ${this.#count} measures`,
    );
    this.#highMs = 0;
  }

  #change({ count, ledMs, reason }: GivenUp): void {
    const { downMs = downMsUsual, upMs = upMsUsual } = this.#config;
    const isMore = count > this.#count;
    const what = `${count} measures are given up after ${this.#count} (${reason})`;
    if (Math.abs(count - this.#count) !== 1 || count > countMax) this.#violate(what);
    const lastedMs = ledMs - this.#sinceMs + roundingMs;
    if (lastedMs < (isMore ? downMs : upMs)) this.#violate(`${what}, ${lastedMs} ms later`);
    const least = this.#leastShare();
    const most = this.#mostShare();
    if (isMore && most < highShare) this.#violate(`${what}, at a share of ${most}`);
    if (!isMore && least > lowShare) this.#violate(`${what}, at a share of ${least}`);
    this.#count = count;
    this.#sinceMs = ledMs;
    this.#highMs = 0;
    this.#counts.push({ at: this.#truth.now(), count });
  }

  /** Whether this is done although it is given up. */
  #checkDone(fact: SchedulerFact): void {
    const at = `at ${this.#count} measures`;
    if (fact.kind === 'actor-migrating' && fact.why !== undefined) {
      if (this.#count >= ranks.rebalancing)
        this.#violate(`${fact.actor} is moved for the load ${at}`);
    }
    if (fact.kind !== 'task-submitted' || fact.run !== undefined) return;
    const priority = this.#truth.asked.priorityOf(fact.task);
    if (this.#count < ranks[priority]) return;
    this.#violate(`${fact.task} of priority ${priority} is taken in ${at}`);
  }

  #apply(fact: SchedulerFact): void {
    switch (fact.kind) {
      case 'image-stored':
        this.#factsInImage = fact.facts;
        return;
      case 'actor-created':
      case 'run-started':
        this.#made += 1;
        return;
      case 'task-submitted':
      case 'task-preempted':
        this.#waiting.add(fact.task);
        return;
      case 'task-retried':
        this.#retried.add(fact.task);
        return;
      case 'task-started':
      case 'task-ended':
        this.#waiting.delete(fact.task);
        this.#retried.delete(fact.task);
        return;
      default:
    }
  }

  /** Of what can be borne. */
  #leastShare(): number {
    const { tasksMax, factsMax } = this.#config;
    const known = this.#made + this.#waiting.size + this.#retried.size;
    const facts = this.#facts - this.#factsInImage;
    return Math.max(this.#waiting.size / tasksMax, facts / Math.max(factsMax, known));
  }

  #mostShare(): number {
    const { tasksMax, factsMax } = this.#config;
    const waiting = this.#waiting.size + this.#retried.size;
    return Math.max(waiting / tasksMax, (this.#facts - this.#factsInImage) / factsMax);
  }

  #mostSince(from: number): number {
    let most = 0;
    for (const [index, { count }] of this.#counts.entries()) {
      const until = this.#counts[index + 1]?.at ?? Number.POSITIVE_INFINITY;
      if (until >= from) most = Math.max(most, count);
    }
    return most;
  }
}
