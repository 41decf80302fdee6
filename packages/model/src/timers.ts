/**
 * Timers of actors, as they travel. The truth about them stands in the memory of their actor, by its
 * turns; the leader keeps an index of when each falls due, which it learns by news from the nodes.
 *
 * A timer has a number, which its actor never uses again, and its firings are numbered from 1: the two
 * together name one effect. What a delayed send waits for is a timer too, one without a name.
 */
import { cronFault, cronNext } from './cron.ts';
import type { LetterTries } from './dead-letters.ts';
import type { ActorId, Bytes } from './ids.ts';
import { limits } from './limits.ts';
import type { SaidPriority } from './priority.ts';

/** When a timer falls due. `after` and `every` are timed by time that passes, the others by wall clock. */
export type TimerWhen =
  | { readonly kind: 'after'; readonly ms: number }
  /** First after `firstMs`, then every `ms` from there on. */
  | { readonly kind: 'every'; readonly firstMs: number; readonly ms: number }
  /** Wall-clock ms. */
  | { readonly kind: 'at'; readonly wall: number }
  | { readonly kind: 'cron'; readonly cron: string; readonly zone: string };

/** Whether it goes on after it has fired. */
export function isPeriodic(when: TimerWhen): boolean {
  return when.kind === 'every' || when.kind === 'cron';
}

/** What is to happen then: a method of the actor itself, or a letter to another one. */
export interface TimerErrand {
  readonly method: string;
  readonly args: Bytes;
  readonly to?: { readonly type: string; readonly key: string };
  /** Of such a letter. */
  readonly tries?: LetterTries;
  readonly priority?: SaidPriority;
  readonly idempotencyKey?: string;
}

/** What a turn did to the timers of its actor; a name that is set again replaces the timer of it. */
export type TimerChange =
  | ({ readonly kind: 'set'; readonly name?: string; readonly when: TimerWhen } & TimerErrand)
  | { readonly kind: 'cancel'; readonly name: string };

/** A timer that waits. */
export interface PendingTimer extends TimerErrand {
  readonly number: number;
  readonly name?: string;
  readonly when: TimerWhen;
  /** Number of its next firing. */
  readonly firing: number;
}

// ---------------------------------------------------------------- node ↔ leader

/** What the leader has to know, in the order in which it happened. */
export type TimerNews =
  /** The first of a new channel: what was told of this actor before is void, all of it follows. */
  | { readonly kind: 'anew' }
  | {
      readonly kind: 'set';
      readonly number: number;
      readonly name?: string;
      readonly when: TimerWhen;
      /** Number of its next firing; 1 when absent. */
      readonly firing?: number;
      /** Of a time that passes: how much of it is left as this is said. */
      readonly restMs?: number;
    }
  | { readonly kind: 'cancelled'; readonly number: number }
  /** The turn of this firing is durable. */
  | { readonly kind: 'fired'; readonly number: number; readonly firing: number };

/** News of one actor: consecutive, the first of them has the number `from`. Numbers are of a channel;
 *  a higher one is opened, and all told again, where node and leader do not know the same. */
export interface NewsOfActor {
  readonly actor: ActorId;
  readonly birth: number;
  readonly channel: number;
  readonly from: number;
  readonly news: readonly TimerNews[];
}

/** What the leader knows of an actor: the news up to this one, of this channel, are durable there. */
export interface NewsSeen {
  readonly actor: ActorId;
  readonly birth: number;
  readonly channel: number;
  readonly upTo: number;
}

export interface DueTimer {
  readonly actor: ActorId;
  readonly birth: number;
  readonly number: number;
  readonly firing: number;
}

/** When a periodic timer falls due again; `fell` and `now` are of the clock that it goes by. Times that
 *  have passed meanwhile are left out: it comes once for all of them. */
export function dueAgain(when: TimerWhen, fell: number, now: number): number | undefined {
  switch (when.kind) {
    case 'every':
      return fell + when.ms * Math.max(1, Math.ceil((now - fell) / when.ms));
    case 'cron':
      return cronNext(when, Math.max(fell, now));
    case 'after':
    case 'at':
      return undefined;
  }
}

/** What is wrong with the time of a timer, or undefined; `wall` is any time of day. */
export function whenFault(when: TimerWhen, wall: number): string | undefined {
  switch (when.kind) {
    case 'after':
      return msFault('afterMs', when.ms, 0);
    case 'every':
      return (
        msFault('everyMs', when.ms, limits.timerEveryMsMin) ?? msFault('afterMs', when.firstMs, 0)
      );
    case 'at':
      return Number.isFinite(when.wall) ? undefined : `at is ${when.wall}, which is no time`;
    case 'cron':
      return cronFault(when.cron, when.zone, wall);
  }
}

function msFault(name: string, ms: number, least: number): string | undefined {
  if (Number.isSafeInteger(ms) && ms >= least && ms <= limits.timerMsMax) return undefined;
  return `${name} is ${ms}; it must be a whole number from ${least} to ${limits.timerMsMax}`;
}
