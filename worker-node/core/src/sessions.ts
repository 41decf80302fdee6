/**
 * The window of replies an actor keeps for each session that calls it.
 *
 * S1  a number with a reply is never run again.
 * S2  a reply is kept until the session says that nothing at or below its number is open, or the
 *     session was not heard of for `limits.sessionMsMax`. Other actors are never forgotten: their
 *     turns are durable, and ask again after however long an outage.
 */
import type { Outcome, SessionId } from '@troupe/model';
import { limits } from '@troupe/model';

/** What the session of a calling actor begins with; its birth follows. */
export const actorSessionPrefix = 'actor:';

export interface SessionWindow {
  /** Least number that may still be open at the session. */
  low: number;
  readonly replies: Map<number, Outcome>;
  /** Wall-clock ms when the session was last heard of here. */
  heardAt: number;
}

/** As it stands in a checkpoint. */
export type StoredSession = readonly [
  session: SessionId,
  low: number,
  heardAt: number,
  replies: readonly (readonly [number, Outcome])[],
];

export class Sessions {
  readonly #windows = new Map<SessionId, SessionWindow>();

  window(session: SessionId): SessionWindow | undefined {
    return this.#windows.get(session);
  }

  /** The session is alive and has nothing open below `low`. */
  hear(session: SessionId, low: number, wall: number): SessionWindow {
    let window = this.#windows.get(session);
    if (window === undefined) {
      window = { low, replies: new Map(), heardAt: wall };
      this.#windows.set(session, window);
    }
    window.heardAt = Math.max(window.heardAt, wall);
    if (low > window.low) {
      window.low = low;
      for (const number of window.replies.keys()) {
        if (number < low) window.replies.delete(number);
      }
    }
    return window;
  }

  record(session: SessionId, number: number, low: number, outcome: Outcome, wall: number): void {
    const window = this.hear(session, low, wall);
    if (number >= window.low) window.replies.set(number, outcome);
  }

  /** Forgets the sessions not heard of for too long. */
  forget(wall: number): void {
    for (const [session, window] of this.#windows) {
      if (session.startsWith(actorSessionPrefix)) continue;
      if (wall - window.heardAt > limits.sessionMsMax) this.#windows.delete(session);
    }
  }

  store(): StoredSession[] {
    return [...this.#windows].map(([session, window]) => [
      session,
      window.low,
      window.heardAt,
      [...window.replies],
    ]);
  }

  static from(stored: readonly StoredSession[]): Sessions {
    const sessions = new Sessions();
    for (const [session, low, heardAt, replies] of stored) {
      sessions.#windows.set(session, { low, heardAt, replies: new Map(replies) });
    }
    return sessions;
  }
}
