/**
 * Timers of an actor. They belong to its turns: what a turn does to them counts when it ends well, and
 * not otherwise. They outlive whatever dies, are never early, and each firing takes effect once.
 */

/** One of four ways to say when. */
export interface TimerSchedule {
  /** Milliseconds after the turn that sets it has committed; with `everyMs`, until the first time. */
  readonly afterMs?: number;
  /** Again and again, so many milliseconds apart. Times that are missed come once, together. */
  readonly everyMs?: number;
  /** By the wall clock of the scheduler that leads: not before this. */
  readonly at?: Date | number;
  /** `minute hour day month weekday`, or six fields with seconds first; likewise by wall clock. */
  readonly cron?: string;
  /** Time zone of `cron`, as `Europe/Berlin`; `UTC` unless given. */
  readonly zone?: string;
}

export interface TimerOptions extends TimerSchedule {
  /** A method of the actor, which is called as a turn of its own. */
  readonly method: string;
  readonly args?: readonly unknown[];
}

export interface TimerView extends TimerSchedule {
  readonly name: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** How often it has fired. */
  readonly fired: number;
}

export interface Timers {
  /** Sets the timer of this name; one that has the name already is cancelled. */
  set(name: string, timer: TimerOptions): void;
  /** After this turn it does not fire. False when there is none of this name. */
  cancel(name: string): boolean;
  /** Those that wait, with what this turn has done. */
  list(): readonly TimerView[];
}
