/** Timers as people see them, page by page: the actors in the order in which they first set one, each
 *  with its timers in the order of their numbers. */
import type { ActorId, PendingTimerView, TenantName } from '@troupe/model';
import type { Desk } from './desk.ts';
import { goesByWall, type TimerRecord, type TimersOfActor } from './timer-table.ts';

export interface TimersAsked {
  readonly tenant: TenantName;
  readonly actor?: ActorId | undefined;
  /** The last one of the page before, as `next` named it. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface TimersFound {
  readonly timers: readonly PendingTimerView[];
  readonly total: number;
  /** Absent when this is the last page. */
  readonly next?: string;
}

/** Undefined when no timer, nor one that was, is named by `after`. */
export function listTimers(desk: Desk, asked: TimersAsked): TimersFound | undefined {
  const cursor = asked.after === undefined ? undefined : cursorFrom(asked.after);
  if (asked.after !== undefined && cursor === undefined) return undefined;
  const timers: PendingTimerView[] = [];
  let total = 0;
  let last: TimerRecord | undefined;
  let more = false;
  let isBeyond = cursor === undefined;
  for (const of of actorsAsked(desk, asked)) {
    total += of.timers.length;
    const isAt = of.actor === cursor?.actor;
    if (isBeyond || isAt) {
      const from = isBeyond ? 0 : (cursor?.number ?? 0);
      for (const timer of of.timers) {
        if (timer.number <= from) continue;
        if (timers.length === asked.limit) {
          more = true;
          break;
        }
        timers.push(viewOf(desk, timer));
        last = timer;
      }
    }
    isBeyond ||= isAt;
  }
  const found = { timers, total };
  return more && last !== undefined ? { ...found, next: cursorOf(last) } : found;
}

function* actorsAsked(desk: Desk, { tenant, actor }: TimersAsked): Iterable<TimersOfActor> {
  const { timers } = desk.state;
  if (actor !== undefined) {
    const of = timers.of(actor);
    if (of !== undefined) yield of;
    return;
  }
  for (const of of timers.all()) if (of.actor.startsWith(`${tenant}/`)) yield of;
}

function viewOf(desk: Desk, timer: TimerRecord): PendingTimerView {
  const { of, number, name, when, firing, due } = timer;
  const now = goesByWall(when) ? desk.wall : desk.ledMs;
  return {
    actor: of.actor,
    number,
    ...(name === undefined ? {} : { name }),
    kind: when.kind,
    firing,
    dueInMs: Math.max(0, due - now),
    ...(when.kind === 'every' ? { everyMs: when.ms } : {}),
    ...(when.kind === 'cron' ? { cron: when.cron, zone: when.zone } : {}),
  };
}

function cursorOf({ of, number }: TimerRecord): string {
  return `${number}:${of.actor}`;
}

function cursorFrom(text: string): { readonly actor: string; readonly number: number } | undefined {
  const colon = text.indexOf(':');
  const number = Number(text.slice(0, Math.max(colon, 0)));
  if (colon < 1 || !Number.isSafeInteger(number)) return undefined;
  return { actor: text.slice(colon + 1), number };
}
