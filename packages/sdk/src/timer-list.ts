/** Timers of actors that wait, as operators see them. */
import type { PendingTimerView } from '@troupe/model';
import type { TimerMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

export interface TimersAsked {
  readonly type?: string;
  /** Of that type. */
  readonly key?: string;
  /** `next` of the page before. */
  readonly after?: string;
  readonly limit?: number;
}

export interface TimersPage {
  readonly timers: readonly PendingTimerView[];
  /** All that wait, of this actor or of the tenant. */
  readonly total: number;
  /** What to ask for the next page `after`; absent when this is the last. */
  readonly next?: string;
}

export async function listTimers(
  unary: Unary,
  asked: { readonly tenant: string } & Required<TimersAsked>,
): Promise<TimersPage> {
  const { timers, total, next } = await unary.ask('ActorsService/ListTimers', asked);
  const page = { timers: timers.map(viewOf), total };
  return next === '' ? page : { ...page, next };
}

/** Field by field: the reader adds names of its own for what may be absent. */
function viewOf(message: TimerMessage): PendingTimerView {
  const { actor, number, name, kind, firing, dueInMs, everyMs, cron, zone } = message;
  return {
    actor,
    number,
    ...(name === '' ? {} : { name }),
    kind,
    firing,
    dueInMs,
    ...(everyMs === 0 ? {} : { everyMs }),
    ...(cron === '' ? {} : { cron, zone }),
  };
}
