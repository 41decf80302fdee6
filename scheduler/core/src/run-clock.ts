/**
 * What runs wait for by time: waits, limits of pauses and of runs. Volatile: a new leader sets all
 * of them anew from the durable state.
 */
import type { RunId } from '@troupe/model';
import { contextId } from './dag/instance.ts';
import type { Deadline } from './deadlines.ts';
import type { Desk } from './desk.ts';
import { tellTime } from './led-time.ts';
import type { RunRecord } from './run-table.ts';

/** While something waits, the time that was led is journaled so often, and before that when it begins to
 *  wait: a change of leaders makes a wait longer by no more than this, and by the time without a leader. */
const toldMs = 60_000;

/** Stands for a stretch of work among the blocks; no context id begins so. */
export const segment = ' segment';

export class RunClock {
  readonly #desk: Desk;
  /** By context id; the empty one is the run itself. */
  readonly #deadlines = new Map<RunId, Map<string, Deadline>>();
  #telling = false;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** `until` as `ledMs`. */
  set(run: RunId, block: string | undefined, until: number): void {
    const at = this.#desk.now + Math.max(until - this.#desk.ledMs, 0);
    const due = { kind: 'run-time' as const, run };
    const deadline = this.#desk.deadlines.set(at, block === undefined ? due : { ...due, block });
    let deadlines = this.#deadlines.get(run);
    if (deadlines === undefined) {
      deadlines = new Map();
      this.#deadlines.set(run, deadlines);
    }
    deadlines.set(block ?? '', deadline);
    // Since it was told last nothing may have waited for hours.
    tellTime(this.#desk, toldMs);
    if (!this.#telling) this.#tellLater();
  }

  /** The stretch of work that goes on may take so long; nothing while the run only waits. */
  segment(run: RunId, ms: number | undefined): void {
    const isTimed = this.#deadlines.get(run)?.has(segment) === true;
    if (ms === undefined) {
      if (isTimed) this.cancel(run, segment);
    } else if (!isTimed) this.set(run, segment, this.#desk.ledMs + ms);
  }

  cancel(run: RunId, block: string | undefined): void {
    const deadlines = this.#deadlines.get(run);
    this.#desk.deadlines.cancel(deadlines?.get(block ?? ''));
    deadlines?.delete(block ?? '');
    if (deadlines?.size === 0) this.#deadlines.delete(run);
  }

  /** All that the durable state of the run waits for. */
  setAll({ run, until, state, untils, undoing }: RunRecord): void {
    if (undoing !== undefined) return this.set(run, undefined, undoing.until);
    if (until !== undefined) this.set(run, undefined, until);
    for (const context of state.paused) {
      const time = untils.get(context);
      if (time !== undefined) this.set(run, contextId(context), time);
    }
  }

  drop(run: RunId): void {
    for (const deadline of this.#deadlines.get(run)?.values() ?? []) {
      this.#desk.deadlines.cancel(deadline);
    }
    this.#deadlines.delete(run);
  }

  /** Runs that wait for a time. */
  get size(): number {
    return this.#deadlines.size;
  }

  tell(): void {
    this.#telling = false;
    if (this.#deadlines.size === 0) return;
    tellTime(this.#desk, 0);
    this.#tellLater();
  }

  #tellLater(): void {
    this.#telling = true;
    this.#desk.deadlines.set(this.#desk.now + toldMs, { kind: 'tell-time' });
  }
}
