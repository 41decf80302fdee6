/**
 * How many members a group of nodes or a stateless pool should have. Events are told as they come
 * (a task arrived, ended); `decide` is asked now and then and answers with a size and its reason.
 *
 * G1  a size is never below the floor (min, or what the clock rules ask for now) nor above max.
 * G2  it is the largest wish of any rule; without a rule it is the floor: a pool is kept at N.
 * G3  a group falls to zero only when min is 0, no actor is in memory, and nothing arrived, waits, runs or was in
 *     memory for `afterMs`, if that is said: until then one member stays. One task that waits wakes it at once.
 * G4  the same events give the same decisions; every decision says why.
 */
import { assert } from '@troupe/model';
import { type ClockRule, isOn, type LocalTime } from './clock-rule.ts';
import { Forecaster, type ForecastTerms } from './forecast.ts';
import {
  type GroupView,
  type QueueTerms,
  queueWish,
  ThresholdRule,
  type ThresholdTerms,
  type Wish,
} from './rules.ts';

export interface GroupTerms {
  readonly min: number;
  readonly max: number;
  readonly threshold?: ThresholdTerms;
  readonly queue?: QueueTerms;
  readonly forecast?: ForecastTerms;
  readonly clock?: readonly ClockRule[];
  /** Falls to zero after so long without any work. */
  readonly idle?: { readonly afterMs: number };
  /** How long a task is expected to take before any has ended. */
  readonly firstGuessMs?: number;
}

export type SizingRule = 'floor' | 'max' | 'threshold' | 'queue' | 'forecast' | 'idle' | 'wake';

export interface Sizing {
  readonly size: number;
  /** Members to start now, and members to let go: at most one of them is above 0. */
  readonly start: number;
  readonly stop: number;
  readonly rule: SizingRule;
  readonly reason: string;
}

type Felt = GroupView & { readonly isAhead: boolean };
type RuledWish = Wish & { readonly rule: SizingRule };

const firstGuessMs = 1_000;

export class Group {
  readonly #terms: GroupTerms;
  readonly #threshold: ThresholdRule | undefined;
  readonly #forecaster: Forecaster | undefined;
  #size: number;
  #workedAt: number;

  /** With the members that it has already, and when it grew last, when it is taken over. */
  constructor(now: number, terms: GroupTerms, size: number = terms.min, grewAt?: number) {
    const { min, max, threshold, forecast, queue } = terms;
    if (!Number.isInteger(min) || !Number.isInteger(max) || min < 0 || max < Math.max(min, 1))
      throw new RangeError(`bounds ${min} and ${max} are refused; give whole numbers, min <= max`);
    if (queue !== undefined && !(queue.perMember > 0))
      throw new RangeError(`${queue.perMember} tasks for each member; give more than 0`);
    if (terms.idle !== undefined && min > 0)
      throw new RangeError(`a group with min ${min} never falls to zero; give min 0 or no idle`);
    this.#terms = terms;
    this.#size = Math.min(max, Math.max(min, size));
    this.#workedAt = now;
    this.#threshold =
      threshold === undefined ? undefined : new ThresholdRule(now, threshold, grewAt);
    this.#forecaster =
      forecast === undefined
        ? undefined
        : new Forecaster(now, forecast, terms.firstGuessMs ?? firstGuessMs);
  }

  arrived(now: number): void {
    this.#workedAt = now;
    this.#forecaster?.arrived(now);
  }

  ended(now: number, tookMs: number): void {
    this.#workedAt = now;
    this.#forecaster?.ended(tookMs);
  }

  /** With `isAhead` false nobody is asked for ahead of need; the forecast goes on learning. */
  decide(now: number, local: LocalTime, view: GroupView, isAhead = true): Sizing {
    const { queued, busy, running = busy, live = 0, asked = false } = view;
    // What reserves nothing keeps nobody busy, and runs.
    if (queued > 0 || busy > 0 || running > 0 || live > 0 || asked) this.#workedAt = now;
    const floor = this.#floor(local);
    const wish = bounded(this.#largest(now, floor, { ...view, isAhead }), floor, this.#terms.max);
    assert(wish.size >= floor.size && wish.size <= this.#terms.max, 'G1: within its bounds');
    if (wish.size !== this.#size) this.#threshold?.changed(now, wish.size > this.#size);
    this.#size = wish.size;
    const present = view.ready + view.starting;
    return {
      ...wish,
      start: Math.max(0, wish.size - present),
      stop: Math.max(0, present - wish.size),
    };
  }

  #floor(local: LocalTime): RuledWish {
    const { min, max, clock = [] } = this.#terms;
    let floor: RuledWish = { size: min, rule: 'floor', reason: `min ${min}` };
    for (const rule of clock) {
      if (rule.size <= floor.size || !isOn(rule, local)) continue;
      floor = { size: rule.size, rule: 'floor', reason: `the clock: ${rule.text}` };
    }
    return bounded(floor, floor, max);
  }

  #largest(now: number, floor: RuledWish, view: Felt): RuledWish {
    const idle = this.#idle(now);
    if (idle !== undefined) {
      this.#forecaster?.forecast(now, view);
      return idle;
    }
    let largest = floor;
    for (const wish of this.#wishes(now, view)) if (wish.size > largest.size) largest = wish;
    if (largest.size > 0) return largest;
    if (view.queued > 0) {
      const waiting = view.queued === 1 ? '1 task waits' : `${view.queued} tasks wait`;
      return { size: 1, rule: 'wake', reason: `${waiting} and nobody is there` };
    }
    const { live = 0, asked = false } = view;
    if (asked)
      return { size: 1, rule: 'wake', reason: 'an actor is asked for and nobody is there' };
    if (live === 1) return { size: 1, rule: 'idle', reason: 'one stays for an actor in memory' };
    if (live > 0)
      return { size: 1, rule: 'idle', reason: `one stays for ${live} actors in memory` };
    return this.#lastOne(now) ?? largest;
  }

  /** G3: one stays until it has been idle for long enough. */
  #lastOne(now: number): RuledWish | undefined {
    const { idle } = this.#terms;
    if (idle === undefined || this.#size === 0) return undefined;
    const seconds = Math.ceil((this.#workedAt + idle.afterMs - now) / 1_000);
    return { size: 1, rule: 'idle', reason: `nothing to do: one stays for ${seconds} s more` };
  }

  #idle(now: number): RuledWish | undefined {
    const { idle } = this.#terms;
    if (idle === undefined || now - this.#workedAt < idle.afterMs) return undefined;
    const seconds = Math.floor((now - this.#workedAt) / 1_000);
    return { size: 0, rule: 'idle', reason: `nothing arrived, waits or runs for ${seconds} s` };
  }

  *#wishes(now: number, view: Felt): Generator<RuledWish> {
    const { queue } = this.#terms;
    if (this.#threshold !== undefined)
      yield { ...this.#threshold.wish(now, this.#size, view), rule: 'threshold' };
    if (queue !== undefined) yield { ...queueWish(queue, view), rule: 'queue' };
    if (this.#forecaster !== undefined) {
      const { size, mean, deviation } = this.#forecaster.forecast(now, view, queue?.perMember);
      if (!view.isAhead) return;
      const reason =
        `${mean.toFixed(1)} ± ${deviation.toFixed(1)} tasks at once are forecast for when a ` +
        `member started now is ready, and ${view.queued} wait` +
        (queue === undefined ? '' : `, ${queue.perMember} for each member`);
      yield { size, rule: 'forecast', reason };
    }
  }
}

function bounded(wish: RuledWish, floor: RuledWish, max: number): RuledWish {
  if (wish.size < floor.size) return floor;
  if (wish.size <= max) return wish;
  return { size: max, rule: 'max', reason: `max ${max}, though ${wish.reason}` };
}
