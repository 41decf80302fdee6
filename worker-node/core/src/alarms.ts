/**
 * Everything that is due at some time: a binary heap by (time, order of setting).
 *
 * A1  `due` never gives an alarm before its time.
 */
export interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly ring: () => void;
}

interface Placed extends Alarm {
  /** Where it stands in the heap. */
  index: number;
}

export class Alarms {
  #heap: Placed[] = [];
  #orders = 0;

  set(at: number, ring: () => void): Alarm {
    const alarm: Placed = { at, order: this.#orders++, ring, index: this.#heap.length };
    this.#heap.push(alarm);
    this.#up(alarm.index);
    return alarm;
  }

  /** It does not ring any more; nothing is done when it has rung. */
  cancel(alarm: Alarm): void {
    const index = 'index' in alarm && typeof alarm.index === 'number' ? alarm.index : -1;
    if (this.#heap[index] !== alarm) return;
    const last = this.#heap.pop();
    if (last === undefined || last === alarm) return;
    this.#heap[index] = last;
    last.index = index;
    this.#up(index);
    this.#down(last.index);
  }

  next(): number | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes the earliest alarm whose time has come. */
  due(now: number): Alarm | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last;
      last.index = 0;
      this.#down(0);
    }
    return first;
  }

  get size(): number {
    return this.#heap.length;
  }

  #up(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(index, parent)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #down(start: number): void {
    let index = start;
    for (;;) {
      const left = index * 2 + 1;
      const right = left + 1;
      let least = index;
      if (left < this.#heap.length && this.#before(left, least)) least = left;
      if (right < this.#heap.length && this.#before(right, least)) least = right;
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #before(left: number, right: number): boolean {
    const a = this.#heap[left];
    const b = this.#heap[right];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    const a = this.#heap[left];
    const b = this.#heap[right];
    if (a === undefined || b === undefined) return;
    this.#heap[left] = b;
    this.#heap[right] = a;
    b.index = left;
    a.index = right;
  }
}
