/**
 * One process on one host, and the host's clock. Whatever happens to a process comes as an event
 * through `run`: nothing happens in one that is dead, and in one that stands still it happens when
 * it goes on, late and in order.
 */
import type { Clock } from '@troupe/fabric/ports';
import type { World } from './world.ts';

/** A machine: its clocks outlive the processes that run there. */
export interface Host {
  readonly name: string;
  /** Speed of its clocks: 1.001 gains a millisecond each second. */
  readonly rate: number;
  /** What its wall clock is wrong by; a jump changes it. */
  wallOffset: number;
  /** Time that passed while the host was suspended, and no event of it happened. */
  suspendedMs: number;
  /** What starts here is of the newer version. */
  newer: boolean;
}

/** Wall time at the beginning, for clocks that are right. */
const epoch = 1_700_000_000_000;
/** Timers fire no earlier than asked, whatever floating point makes of the time. */
const timerSlack = 0.001;

export class Process implements Clock {
  readonly host: Host;
  /** Unique over all starts, such as `node-2.aaaaaaab`. */
  readonly name: string;
  readonly #world: World;
  /** Of the newer version: it says and writes what the older one does not know. */
  readonly newer: boolean;
  /** What runs beside its loop and dies with it, if anything. */
  #thread: Process | undefined;
  #alive = true;
  #still = false;
  #held: (() => void)[] = [];
  #crashAfter: { events: number; crashed: () => void } | undefined;

  constructor(world: World, host: Host, name: string) {
    this.#world = world;
    this.host = host;
    this.name = name;
    this.newer = host.newer;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get still(): boolean {
    return this.#still;
  }

  now(): number {
    return this.#world.timeline.now * this.host.rate + this.host.suspendedMs;
  }

  wall(): number {
    return Math.round(epoch + this.now() + this.host.wallOffset);
  }

  after(ms: number, fire: () => void): () => void {
    return this.#timer(ms, fire, false);
  }

  /** A timer that a leap may put off: what it looks after is as it was (V3). */
  routine(ms: number, fire: () => void): () => void {
    return this.#timer(ms, fire, true);
  }

  #timer(ms: number, fire: () => void, routine: boolean): () => void {
    const wait = Math.max(0, ms) / this.host.rate + timerSlack;
    let stopped = false;
    const look = (): void => {
      if (!stopped) fire();
    };
    const cancel = this.#world.timeline.after(wait, () => this.run(look), routine);
    return () => {
      stopped = true;
      cancel();
    };
  }

  soon(run: () => void): void {
    this.#world.timeline.after(0, () => this.run(run));
  }

  /** Something happens in this process. */
  run(event: () => void): void {
    if (!this.#alive) return;
    if (this.#still) {
      this.#held.push(event);
      return;
    }
    const armed = this.#crashAfter;
    if (armed !== undefined) {
      if (armed.events <= 0) {
        armed.crashed();
        return;
      }
      armed.events -= 1;
    }
    event();
  }

  /** Everything stands still until `goOn`; the clocks of the host do not. */
  stop(): void {
    this.stall();
    this.#thread?.stop();
  }

  /** The loop stands still until `goOn`; a thread beside it does not. */
  stall(): void {
    if (this.#alive) this.#still = true;
  }

  /** Starts the one thread beside the loop. */
  thread(): Process {
    this.#thread = new Process(this.#world, this.host, this.name);
    return this.#thread;
  }

  goOn(): void {
    this.#thread?.goOn();
    if (!this.#still) return;
    this.#still = false;
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.#world.timeline.after(0, () => this.run(event));
  }

  end(): void {
    this.#thread?.end();
    this.#alive = false;
    this.#held = [];
    this.#crashAfter = undefined;
  }

  /** It will not be crashed any more. */
  spare(): void {
    this.#crashAfter = undefined;
  }

  /** Calls `crashed` in the place of the event that comes after so many others. */
  crashAfter(events: number, crashed: () => void): void {
    this.#crashAfter = { events, crashed };
  }
}
