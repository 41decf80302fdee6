/**
 * What moves the virtual time of a test cluster. It moves while a client waits for an answer and while
 * somebody asked for time to pass, and stands still else.
 *
 * P1  everything that user code and the test do without waiting for the outside is done before the next
 *     event: so the same seed gives the same run.
 * P2  while user code is at work outside (a request, a file, a timer of its own) time goes no faster than
 *     that of the machine: no limit is over only because nobody waited. `advance` waits so long and no longer.
 * P3  while only clients wait, time flies for a minute beyond the last thing that happened to user code
 *     or to a client, and goes like that of the machine then: a wait without an end does not run away.
 */
import type { Timeline } from '@troupe/virtual';

// Taken now: a test may put false ones in their places.
const { setImmediate, setTimeout, clearTimeout, performance } = globalThis;

export interface Pumped {
  readonly timeline: Timeline;
  /** User code is at work outside. */
  engaged(): boolean;
  /** A client waits for an answer. */
  awaited(): boolean;
  /** The time up to which nothing but routine happens, when that is known; undefined: it is not. */
  calmUntil(): number | undefined;
  leap(to: number): void;
  /** A leap over less would not be told from a node's silence. */
  readonly leapMsMin: number;
  /** An event threw: that is a bug of the cluster. */
  failed(reason: unknown): void;
  /** Why nothing that happens has a meaning any more. */
  broken(): Error | undefined;
}

interface Goal {
  readonly isReached: () => boolean;
  /** Time does not go beyond. */
  readonly at: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

const fliesMs = 60_000;
/** Events between two looks at the event loop of the machine. */
const eventsMax = 512;
const waitMsMax = 25;

export class Pump {
  readonly #pumped: Pumped;
  readonly #patienceMs: number;
  /** The one that is reached first is the first. */
  readonly #goals: Goal[] = [];
  #running = false;
  #ended = false;
  /** Virtual time of the last thing that happened to user code or to a client. */
  #happenedAt = 0;
  /** Real time of the same. */
  #happenedReal = performance.now();
  /** From where time goes like that of the machine, when it does. */
  #pace: { readonly virtual: number; readonly real: number } | undefined;
  #wake: (() => void) | undefined;

  constructor(pumped: Pumped, patienceMs: number) {
    this.#pumped = pumped;
    this.#patienceMs = patienceMs;
  }

  /** Something happened to user code or to a client. */
  happened(): void {
    this.#happenedAt = this.#pumped.timeline.now;
    this.#happenedReal = performance.now();
    this.poke();
  }

  /** Somebody may wait now. */
  poke(): void {
    this.#wake?.();
    if (this.#running || this.#ended) return;
    this.#running = true;
    setImmediate(() => void this.#run());
  }

  /** Lets so much time pass. */
  async advance(ms: number): Promise<void> {
    const { timeline } = this.#pumped;
    const at = timeline.now + ms;
    await this.#reach({ at, isReached: () => timeline.now >= at });
  }

  /** Lets time pass until it is so, or that time has come. */
  async until(isReached: () => boolean, at: number): Promise<void> {
    await this.#reach({ at, isReached });
  }

  end(): void {
    this.#ended = true;
    const reason = new Error('the cluster was stopped');
    for (const goal of this.#goals.splice(0)) goal.reject(reason);
    this.#wake?.();
  }

  #reach(goal: Pick<Goal, 'at' | 'isReached'>): Promise<void> {
    return new Promise((resolve, reject) => {
      const later = this.#goals.findIndex(({ at }) => at > goal.at);
      const place = later < 0 ? this.#goals.length : later;
      this.#goals.splice(place, 0, { ...goal, resolve, reject });
      this.#happenedReal = performance.now();
      this.poke();
    });
  }

  async #run(): Promise<void> {
    await breath();
    while (!this.#ended && this.#wanted()) {
      const settled = this.#guarded();
      if (settled || this.#goalIsReached()) await breath();
      else if (!this.#mayGoOn()) await this.#wait();
      else await breath();
    }
    this.#running = false;
    this.#pace = undefined;
  }

  #wanted(): boolean {
    const bug = this.#pumped.broken();
    if (bug !== undefined) for (const goal of this.#goals.splice(0)) goal.reject(bug);
    return bug === undefined && (this.#goals.length > 0 || this.#pumped.awaited());
  }

  #guarded(): boolean {
    try {
      return this.#events();
    } catch (thrown) {
      this.#pumped.failed(thrown);
      return true;
    }
  }

  /** True when something was settled, which may lead user code or the test on. */
  #events(): boolean {
    const { timeline } = this.#pumped;
    for (let count = 0; count < eventsMax; count++) {
      const limit = this.#limit();
      const { next } = timeline;
      if (next === undefined || next > limit || this.#goals[0]?.isReached() === true) return false;
      if (this.#goals.length > 0 && this.#leaps(limit)) continue;
      if (timeline.step()) return true;
    }
    return false;
  }

  #leaps(limit: number): boolean {
    const { timeline, leapMsMin } = this.#pumped;
    if ((timeline.next ?? 0) - timeline.now < 1) return false;
    const until = this.#pumped.calmUntil();
    if (until === undefined) return false;
    const to = Math.min(until, limit);
    if (to - timeline.now < leapMsMin) return false;
    this.#pumped.leap(to);
    return true;
  }

  #mayGoOn(): boolean {
    const { next } = this.#pumped.timeline;
    return next !== undefined && next <= this.#limit();
  }

  /** The time that may come now without waiting. */
  #limit(): number {
    const goal = this.#goals[0];
    const { timeline } = this.#pumped;
    if (this.#pumped.engaged() && !this.#isPatient(goal)) {
      return Math.min(this.#pacedFrom(timeline.now), goal?.at ?? Number.POSITIVE_INFINITY);
    }
    if (goal !== undefined) {
      this.#pace = undefined;
      return goal.at;
    }
    const flies = this.#happenedAt + fliesMs;
    if ((timeline.next ?? flies) > flies) return this.#pacedFrom(Math.max(flies, timeline.now));
    this.#pace = undefined;
    return flies;
  }

  /** Whoever asked for time has waited long enough for user code (P2). */
  #isPatient(goal: Goal | undefined): boolean {
    return goal !== undefined && performance.now() - this.#happenedReal >= this.#patienceMs;
  }

  #pacedFrom(virtual: number): number {
    this.#pace ??= { virtual, real: performance.now() };
    return this.#pace.virtual + performance.now() - this.#pace.real;
  }

  #goalIsReached(): boolean {
    const goal = this.#goals[0];
    if (goal === undefined) return false;
    const { timeline } = this.#pumped;
    const { next } = timeline;
    if (next === undefined || next > goal.at) {
      if (this.#pumped.engaged() && !this.#isPatient(goal)) return false;
      timeline.rest(goal.at);
    }
    if (!goal.isReached() && timeline.now < goal.at) return false;
    this.#goals.shift();
    goal.resolve();
    return true;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const { timeline } = this.#pumped;
      const leftMs = (timeline.next ?? Number.POSITIVE_INFINITY) - this.#limit();
      const timer = setTimeout(go, Math.max(1, Math.min(leftMs, waitMsMax)));
      this.#wake = go;
    });
  }
}

/** Everything that was settled is heard, and so is what the machine has ready (P1). */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
