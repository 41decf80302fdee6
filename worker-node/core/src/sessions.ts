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
 */
import type { Outcome, SessionId } from '@troupe/model';
import { limits } from '@troupe/model';

/** What the session of a calling actor begins with; its birth follows. */
export const actorSessionPrefix = 'actor:';

export interface SessionWindow {
  /** Least number that may still be open at the session. */
  low: number;
  readonly replies: Map<number, Outcome>;
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
];

export class Sessions {
  readonly #windows = new Map<SessionId, SessionWindow>();

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
    }
    return window;
  }

  record(session: SessionId, number: number, low: number, outcome: Outcome, now: number): void {
    const window = this.hear(session, low, now);
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
    },
  ): Sessions {
    const sessions = new Sessions();
    for (const [session, window] of former.#windows) {
      if (scope.isInside(session)) sessions.#windows.set(session, window);
    }
    for (const [session, { low, heardAt, replies }] of present.#windows) {
      if (scope.isInside(session)) continue;
      const known = former.#windows.get(session)?.replies;
      const answers = [...replies].map(([number, given]) => {
        return [number, known?.get(number) ?? scope.answer(given)] as const;
      });
      sessions.#windows.set(session, { low, heardAt, replies: new Map(answers) });
    }
    return sessions;
  }

  /** Forgets the sessions not heard of for too long. */
  forget(now: number): void {
    for (const [session, window] of this.#windows) {
      if (session.startsWith(actorSessionPrefix)) continue;
      if (now - window.heardAt > limits.sessionMsMax) this.#windows.delete(session);
    }
  }

  store(now: number): StoredSession[] {
    return [...this.#windows].map(([session, window]) => [
      session,
      window.low,
      now - window.heardAt,
      [...window.replies],
    ]);
  }

  static from(stored: readonly StoredSession[], now: number): Sessions {
    const sessions = new Sessions();
    for (const [session, low, age, replies] of stored) {
      sessions.#windows.set(session, { low, heardAt: now - age, replies: new Map(replies) });
    }
    return sessions;
  }
}
