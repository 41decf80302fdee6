/**
 * The leader's work on large outputs: it has those deleted that nobody refers to any more. Most are
 * known by the facts; the rest (of attempts whose node or leader was lost) is found by a search of
 * the store, each `limits.objectSweepMs`.
 *
 * B3  an object is deleted only when nobody holds it and the attempt whose number it has does not
 *     run: that attempt is the only one that could still bring it, so it will never be held again.
 * B4  who deletes leads: the order follows an append, which the store refuses to whoever was deposed.
 */
import { limits } from '@troupe/model';
import type { Desk } from './desk.ts';

export class Objects {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  takeOver(): void {
    // What was dropped before is found by the search, unless it was deleted.
    this.#desk.state.objects.takeDropped();
    this.sweep();
  }

  /** Has everything searched for that lies in the store. */
  sweep(): void {
    this.#desk.order({ kind: 'list-objects' });
    this.#desk.deadlines.set(this.#desk.now + limits.objectSweepMs, { kind: 'sweep' });
  }

  /** These lie in the store, or may. */
  found(objects: readonly number[]): void {
    const { state } = this.#desk;
    const numbers = objects.filter((one) => Number.isSafeInteger(one) && one >= 0);
    const unheld = numbers.filter((one) => state.objects.get(one) === undefined);
    if (unheld.length === 0) return;
    const running = new Set(state.tasks.startsOfRunning());
    const left = unheld.filter((one) => !running.has(one));
    if (left.length === 0) return;
    const { ledMs } = this.#desk;
    this.#desk.decide({ kind: 'time-led', ledMs });
    this.#desk.order({ kind: 'delete-objects', objects: left });
  }

  /** After an event whose facts may have let go of some. */
  deleteDropped(): void {
    const dropped = this.#desk.state.objects.takeDropped();
    if (dropped.length > 0) this.#desk.order({ kind: 'delete-objects', objects: dropped });
  }
}
