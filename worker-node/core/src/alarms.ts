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

export class Alarms {
  #heap: Alarm[] = [];
  #orders = 0;

  set(at: number, ring: () => void): void {
    this.#heap.push({ at, order: this.#orders++, ring });
    this.#up(this.#heap.length - 1);
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
  }
}
