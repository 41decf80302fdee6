/**
 * The timers of all actors, durably: when each falls due next. What they do stands in the memory of
 * their actors; nothing here is looked through, however many there are.
 *
 * I1  a timer that waits is in the heap of the clock that it goes by; one that a leader has taken as due
 *     is in none, until the news is that it has fired.
 * I2  the news of an actor are applied in the order of their numbers, each once.
 */
import { type ActorId, assert, type TimerWhen } from '@troupe/model';
import type { SchedulerFact } from './facts.ts';
import { Heap, type HeapItem } from './heap.ts';

export interface TimerRecord extends HeapItem {
  readonly of: TimersOfActor;
  readonly number: number;
  /** Absent for a delayed send. */
  readonly name: string | undefined;
  readonly when: TimerWhen;
  /** Number of its next firing. */
  firing: number;
  /** As `ledMs`, or in wall-clock ms: see `goesByWall`. */
  due: number;
}

export interface TimersOfActor {
  readonly actor: ActorId;
  readonly birth: number;
  channel: number;
  /** The last news that was applied. */
  upTo: number;
  /** In the order of their numbers. */
  readonly timers: TimerRecord[];
}

/** What news come to, with the times that the leader has worked out. */
export type TimerDecision =
  | {
      readonly kind: 'set';
      readonly number: number;
      readonly name?: string;
      readonly when: TimerWhen;
      readonly firing?: number;
      readonly due: number;
    }
  | {
      readonly kind: 'again';
      readonly number: number;
      readonly firing: number;
      readonly due: number;
    }
  | { readonly kind: 'gone'; readonly number: number };

type StoredTimer = readonly [
  number: number,
  name: string | null,
  when: TimerWhen,
  firing: number,
  due: number,
];

export type TimersImage = readonly (readonly [
  actor: ActorId,
  birth: number,
  channel: number,
  upTo: number,
  timers: readonly StoredTimer[],
])[];

type TimerFact = Extract<SchedulerFact, { kind: 'timers-told' }>;

export class TimerTable {
  readonly #actors = new Map<ActorId, TimersOfActor>();
  readonly #led = new Heap<TimerRecord>(before);
  readonly #wall = new Heap<TimerRecord>(before);
  #count = 0;

  /** Timers that wait, or are due. */
  get count(): number {
    return this.#count;
  }
  /** Actors that ever set one. */
  get size(): number {
    return this.#actors.size;
  }

  of(actor: ActorId): TimersOfActor | undefined {
    return this.#actors.get(actor);
  }

  all(): IterableIterator<TimersOfActor> {
    return this.#actors.values();
  }

  get firstLed(): TimerRecord | undefined {
    return this.#led.first;
  }
  get firstByWall(): TimerRecord | undefined {
    return this.#wall.first;
  }

  /** Takes one that is due out of its heap (I1). */
  takeDue(ledMs: number, wall: number): TimerRecord | undefined {
    const due = isDue(this.#led.first, ledMs) ?? isDue(this.#wall.first, wall);
    if (due !== undefined) this.#heapOf(due).remove(due);
    return due;
  }

  apply(fact: TimerFact): void {
    const of = this.#open(fact);
    assert(fact.upTo > of.upTo, 'I2: news are applied once');
    of.upTo = fact.upTo;
    for (const decision of fact.decisions) this.#decided(of, decision);
  }

  /** Its actor is no more. */
  destroyed(actor: ActorId, birth: number): void {
    const of = this.#actors.get(actor);
    if (of?.birth !== birth) return;
    for (const timer of of.timers) this.#leave(timer);
    this.#actors.delete(actor);
  }

  *image(): Generator<TimersImage[number]> {
    for (const { actor, birth, channel, upTo, timers } of this.#actors.values()) {
      const stored = timers.map(
        ({ number, name, when, firing, due }) => [number, name ?? null, when, firing, due] as const,
      );
      yield [actor, birth, channel, upTo, stored];
    }
  }

  /** All of an image, or some after others. */
  restore(image: TimersImage): void {
    for (const [actor, birth, channel, upTo, timers] of image) {
      const of: TimersOfActor = { actor, birth, channel, upTo, timers: [] };
      this.#actors.set(actor, of);
      for (const [number, name, when, firing, due] of timers) {
        this.#add({ of, number, name: name ?? undefined, when, firing, due, slot: -1 });
      }
    }
  }

  check(): void {
    let count = 0;
    for (const { timers } of this.#actors.values()) {
      count += timers.length;
      let last = 0;
      for (const { number } of timers) {
        assert(number > last, 'I2: the timers of an actor are in the order of their numbers');
        last = number;
      }
    }
    assert(count === this.#count, 'I1: timers are counted exactly');
    assert(this.#led.size + this.#wall.size <= count, 'I1: what waits in a heap is a timer');
  }

  #open({ actor, birth, channel, anew }: TimerFact): TimersOfActor {
    const known = this.#actors.get(actor);
    if (known !== undefined && known.birth === birth && known.channel === channel) return known;
    assert(known === undefined || anew === true, 'I2: another channel begins anew');
    for (const timer of known?.timers ?? []) this.#leave(timer);
    const of: TimersOfActor = { actor, birth, channel, upTo: 0, timers: [] };
    this.#actors.set(actor, of);
    return of;
  }

  #decided(of: TimersOfActor, decision: TimerDecision): void {
    if (decision.kind === 'set') {
      const { number, name, when, firing = 1, due } = decision;
      return this.#add({ of, number, name, when, firing, due, slot: -1 });
    }
    const at = placeOf(of, decision.number);
    const timer = of.timers[at];
    assert(
      timer?.number === decision.number,
      'I2: what is decided of a timer is of one that is there',
    );
    if (decision.kind === 'gone') {
      of.timers.splice(at, 1);
      return this.#leave(timer);
    }
    if (timer.slot >= 0) this.#heapOf(timer).remove(timer);
    timer.firing = decision.firing;
    timer.due = decision.due;
    this.#heapOf(timer).push(timer);
  }

  #add(timer: TimerRecord): void {
    const last = timer.of.timers.at(-1)?.number ?? 0;
    assert(timer.number > last, 'I2: numbers of timers rise');
    timer.of.timers.push(timer);
    this.#heapOf(timer).push(timer);
    this.#count += 1;
  }

  #leave(timer: TimerRecord): void {
    if (timer.slot >= 0) this.#heapOf(timer).remove(timer);
    this.#count -= 1;
  }

  #heapOf({ when }: TimerRecord): Heap<TimerRecord> {
    return goesByWall(when) ? this.#wall : this.#led;
  }
}

/** Whether it is timed by wall clock, and not by the time that was led. */
export function goesByWall({ kind }: TimerWhen): boolean {
  return kind === 'at' || kind === 'cron';
}

export function timerOf(of: TimersOfActor | undefined, number: number): TimerRecord | undefined {
  const timer = of?.timers[placeOf(of, number)];
  return timer?.number === number ? timer : undefined;
}

/** Where it is among the timers of its actor, or would be. */
function placeOf({ timers }: TimersOfActor, number: number): number {
  let low = 0;
  let high = timers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((timers[middle]?.number ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isDue(first: TimerRecord | undefined, now: number): TimerRecord | undefined {
  return first !== undefined && first.due <= now ? first : undefined;
}

/** The earliest first; of one instant in an order that does not depend on history. */
function before(left: TimerRecord, right: TimerRecord): boolean {
  if (left.due !== right.due) return left.due < right.due;
  if (left.of !== right.of) return left.of.actor < right.of.actor;
  return left.number < right.number;
}
