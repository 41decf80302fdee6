/**
 * Virtual time: events in the order of their time, and of their making where times are equal.
 *
 * V1  time never goes back.
 * V2  what an event settles (a promise of a port) is heard before the next event begins.
 * V3  routine (a heartbeat, a look at what may be due) may be put off as a whole, by a leap over a time
 *     in which nothing else happens; everything else happens at its time.
 */
import { mix } from './random.ts';

interface Planned {
  at: number;
  readonly routine: boolean;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Turns of the microtask queue after which everything that a promise set off has run. */
const microtaskTurns = 6;

export class Timeline {
  /** Milliseconds since the beginning. */
  now = 0;
  /** Events so far. */
  events = 0;
  /** Grows with every event: two runs are the same when it is. */
  hash = 0;
  readonly #heap: Planned[] = [];
  #orders = 0;
  #settles = false;

  /** Runs `run` at a time that is not before now; the answer cancels it. */
  at(time: number, run: () => void, routine = false): () => void {
    const at = Math.max(time, this.now);
    const planned: Planned = { at, routine, order: this.#orders++, run };
    this.#push(planned);
    return () => {
      planned.run = undefined;
    };
  }

  after(ms: number, run: () => void, routine = false): () => void {
    return this.at(this.now + ms, run, routine);
  }

  /** When the next event is planned. */
  get next(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.at;
  }

  /** When the next is that no leap may pass over (V3); looks at all that is planned. */
  get nextBesideRoutine(): number | undefined {
    let least: number | undefined;
    for (const { at, routine, run } of this.#heap) {
      if (!routine && run !== undefined && at < (least ?? at + 1)) least = at;
    }
    return least;
  }

  /** Until `time` nothing happens; routine goes on as far behind it as it was before now. */
  leap(time: number): void {
    const ms = time - this.now;
    const planned = this.#heap.splice(0).filter(({ run }) => run !== undefined);
    for (const one of planned) {
      if (one.routine) one.at += ms;
      this.#push(one);
    }
    this.now = time;
  }

  /** The time is this, and nothing was planned before it. */
  rest(time: number): void {
    this.now = Math.max(this.now, time);
  }

  /** Does what is planned next; true when it has settled something (V2), which the caller waits for. */
  step(): boolean {
    this.#dropCancelled();
    const first = this.#heap[0];
    if (first === undefined) return false;
    this.#pop();
    this.#do(first);
    const settled = this.#settles;
    this.#settles = false;
    return settled;
  }

  /** Said by whoever settles a promise in an event (V2). */
  settles(): void {
    this.#settles = true;
  }

  /** Until `end`, or until `stop` says so after an event. */
  async run(end: number, stop: () => boolean): Promise<void> {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > end) break;
      this.#pop();
      if (first.run === undefined) continue;
      this.#do(first);
      if (this.#settles) await this.#settle();
      if (stop()) return;
    }
    this.now = Math.max(this.now, end);
  }

  #do({ at, order, run }: Planned): void {
    this.now = at;
    this.events += 1;
    this.hash = mix(this.hash ^ Math.floor(at * 1_000) ^ order);
    run?.();
  }

  #dropCancelled(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.run !== undefined) return;
      this.#pop();
    }
  }

  async #settle(): Promise<void> {
    while (this.#settles) {
      this.#settles = false;
      for (let turn = 0; turn < microtaskTurns; turn++) await undefined;
    }
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let index = heap.push(planned) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(planned, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = planned;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && before(right, left)) {
        child += 1;
        least = right;
      }
      if (!before(least, last)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}

function before(left: Planned, right: Planned): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
