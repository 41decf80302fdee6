/** What became of actors, for whoever supervises them: asked for again and again, from a position on. */
import { type SupervisionKind, troupeError } from '@troupe/model';
import { checkWhole } from './definition.ts';
import type { ActorEvent } from './lives.ts';
import type { Platform } from './platform.ts';
import { failureOfMessage } from './wire/failures.ts';
import type { ActorEventMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

export interface WatchOptions {
  readonly type?: string;
  /** Keys that begin so; with `type`. */
  readonly prefix?: string;
  /** After this position; from now on unless given, 0 for all that are kept. */
  readonly after?: number;
}

const pollMs = 1_000;
const pageMax = 1_000;

export async function* watchActors(
  { unary, tenant, platform }: { unary: Unary; tenant: string; platform: Platform },
  { type, prefix = '', after }: WatchOptions = {},
): AsyncGenerator<ActorEvent, never> {
  checkWhole('after', after, 0);
  if (type === undefined && prefix !== '') {
    const text = `prefix "${prefix}" is of keys, which are of a type: give \`type\` too, or no prefix`;
    throw troupeError('INVALID_ARGUMENT', text, { argument: 'prefix' });
  }
  const start = type === undefined ? `${tenant}/` : `${tenant}/${type}/${prefix}`;
  let from = after ?? (await lastOf(unary, tenant));
  for (;;) {
    const asked = { tenant, after: from, limit: pageMax };
    const { events, next, missed } = await unary.ask('ActorsService/ListEvents', asked);
    from = next;
    let untold = missed;
    for (const event of events) {
      if (!event.actor.startsWith(start)) continue;
      yield untold === 0 ? eventOf(event) : { ...eventOf(event), missed: untold };
      untold = 0;
    }
    if (events.length === 0) await new Promise<void>((go) => platform.after(pollMs, go));
  }
}

/** The position of what came last. */
async function lastOf(unary: Unary, tenant: string): Promise<number> {
  for (let after = 0; ; ) {
    const asked = { tenant, after, limit: pageMax };
    const { events, next } = await unary.ask('ActorsService/ListEvents', asked);
    if (events.length < pageMax) return next;
    after = next;
  }
}

function eventOf({ failure, kind, ...event }: ActorEventMessage): ActorEvent {
  const of = { ...event, kind: kind as SupervisionKind };
  if (failure === null || failure === undefined) return of;
  return { ...of, failure: failureOfMessage(failure) };
}
