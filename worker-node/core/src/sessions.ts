/**
 * The window of replies an actor keeps for each session that calls it.
 *
 * S1  a number with a reply is never run again.
 * S2  a reply is kept until the session says that nothing at or below its number is open, or the
 *     session was not heard of for `limits.sessionMsMax`. Other actors are never forgotten: their
 *     turns are durable, and ask again after however long an outage.
 * S3  only time in which the actor was in memory somewhere makes a session older, by the monotonic
 *     clock there: whatever clocks do, and however long an actor lies idle, it is never forgotten
 *     too early.
 * S4  a number whose call was made under an idempotency key is that of one call: what is asked for under
 *     it with another method or other arguments is refused, and changes nothing.
 */
import type { Caller, Outcome, SessionId } from '@troupe/model';
import { limits } from '@troupe/model';
import { type StoredStream, Yields } from './yields.ts';

/** What the session of a calling actor begins with; its birth follows. */
export const actorSessionPrefix = 'actor:';

export interface SessionWindow {
  /** Least number that may still be open at the session. */
  low: number;
  readonly replies: Map<number, Outcome>;
  /** What was asked for by the one call of a session that an idempotency key stands for. */
  print?: string;
  /** Monotonic ms of this node; before its start for one that is old already. */
  heardAt: number;
}

/** As it stands in a checkpoint. */
export type StoredSession = readonly [
  session: SessionId,
  low: number,
  /** Milliseconds since it was heard of. */
  age: number,
  replies: readonly (readonly [number, Outcome])[],
  /** Absent from older nodes, and where there is no key. */
  print?: string,
];

export class Sessions {
  readonly #windows = new Map<SessionId, SessionWindow>();
  #yields: Yields | undefined;

  constructor(yields?: Yields) {
    this.#yields = yields;
  }

  /** What their calls have yielded: forgotten with the replies. Made on first use: few actors yield. */
  get yields(): Yields {
    this.#yields ??= new Yields();
    return this.#yields;
  }

  storeYields(): readonly StoredStream[] {
    return this.#yields?.store() ?? [];
  }

  window(session: SessionId): SessionWindow | undefined {
    return this.#windows.get(session);
  }

  /** The session is alive and has nothing open below `low`. */
  hear(session: SessionId, low: number, now: number): SessionWindow {
    let window = this.#windows.get(session);
    if (window === undefined) {
      window = { low, replies: new Map(), heardAt: now };
      this.#windows.set(session, window);
    }
    window.heardAt = now;
    if (low > window.low) {
      window.low = low;
      for (const number of window.replies.keys()) {
        if (number < low) window.replies.delete(number);
      }
      this.#yields?.dropBelow(session, low);
    }
    return window;
  }

  record({ session, number, low, print }: Caller, outcome: Outcome, now: number): void {
    const window = this.hear(session, low, now);
    if (print !== undefined) window.print = print;
    if (number >= window.low) window.replies.set(number, outcome);
  }

  /** After its scope went back: sessions inside of it are what they were, everybody else is told what
   *  became of answers that were given beyond the line. */
  static rewound(
    present: Sessions,
    former: Sessions,
    scope: {
      readonly isInside: (session: SessionId) => boolean;
      readonly answer: (given: Outcome) => Outcome;
      readonly now: number;
    },
  ): Sessions {
    const sessions = new Sessions();
    for (const [session, window] of former.#windows) {
      if (scope.isInside(session)) sessions.#windows.set(session, window);
    }
    for (const [session, { replies, ...window }] of present.#windows) {
      if (scope.isInside(session)) continue;
      const known = former.#windows.get(session)?.replies;
      const answers = [...replies].map(([number, given]) => {
        return [number, known?.get(number) ?? scope.answer(given)] as const;
      });
      sessions.#windows.set(session, { ...window, replies: new Map(answers) });
    }
    // What a turn has yielded that is taken back is nobody's any more.
    const kept = present.storeYields().filter(([session, number]) => {
      if (scope.isInside(session)) return false;
      const given = present.window(session)?.replies.get(number);
      if (former.window(session)?.replies.has(number) === true) return true;
      return given === sessions.window(session)?.replies.get(number);
    });
    if (kept.length > 0) sessions.#yields = Yields.from(kept, scope.now);
    return sessions;
  }

  /** Forgets the sessions not heard of for too long. */
  forget(now: number): void {
    for (const [session, window] of this.#windows) {
      if (session.startsWith(actorSessionPrefix)) continue;
      if (now - window.heardAt <= limits.sessionMsMax) continue;
      this.#windows.delete(session);
      this.#yields?.drop(session);
    }
  }

  store(now: number): StoredSession[] {
    return [...this.#windows].map(([session, { low, heardAt, replies, print }]) => {
      const stored = [session, low, now - heardAt, [...replies]] as const;
      return print === undefined ? stored : [...stored, print];
    });
  }

  static from(stored: readonly StoredSession[], now: number, yields?: Yields): Sessions {
    const sessions = new Sessions(yields);
    for (const [session, low, age, replies, print] of stored) {
      const window = { low, heardAt: now - age, replies: new Map(replies) };
      sessions.#windows.set(session, print === undefined ? window : { ...window, print });
    }
    return sessions;
  }
}
