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
 * S5  no answer is forgotten for want of room: beyond `limits.actorSessionsMax` callers from outside, or
 *     `limits.actorReplyBytesMax` of their replies, another one is not taken in. Gateways and leaders always
 *     are, and other actors: they are few, or not forgotten anyway.
 */
import type { ActorId, Caller, Outcome, SessionId } from '@troupe/model';
import { leaderSessionPrefix, limits } from '@troupe/model';
import { SparseMap } from './sparse.ts';
import { type StoredStream, Yields } from './yields.ts';

/** What the session of a calling actor begins with; its birth follows. */
export const actorSessionPrefix = 'actor:';

/** One life of an actor. */
export interface ActorBirth {
  readonly actor: ActorId;
  readonly birth: number;
}

/** Whose session it is; undefined when it is no actor's. */
export function actorOfSession(session: SessionId): ActorBirth | undefined {
  if (!session.startsWith(actorSessionPrefix)) return undefined;
  const end = session.lastIndexOf('#');
  const actor = session.slice(actorSessionPrefix.length, end) as ActorId;
  return { actor, birth: Number(session.slice(end + 1)) };
}

/** Of calls that a gateway makes for clients without a session; no client's session has a colon. */
const gatewaySessionPrefix = 'gateway:';

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
  readonly #ofActors = new SparseMap<SessionId, SessionWindow>();
  /** From outside: the one not heard of for longest first. */
  readonly #ofOthers = new SparseMap<SessionId, SessionWindow>();
  /** Of the replies to these. */
  #bytes = 0;
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
    return this.#group(session).get(session);
  }

  /** From outside. */
  get count(): number {
    return this.#ofOthers.size;
  }

  /** S5: for how long no call of this session is taken in; undefined when it may be. */
  heldMs(session: SessionId, now: number): number | undefined {
    if (this.#hasRoom() || isAlwaysTaken(session) || this.window(session) !== undefined) {
      return undefined;
    }
    this.forget(now);
    if (this.#hasRoom()) return undefined;
    const [oldest] = this.#ofOthers;
    return Math.max(1, (oldest?.[1].heardAt ?? now) + limits.sessionMsMax - now + 1);
  }

  /** The session is alive and has nothing open below `low`. */
  hear(session: SessionId, low: number, now: number): SessionWindow {
    const group = this.#group(session);
    const known = group.get(session);
    const window = known ?? { low, replies: new Map(), heardAt: now };
    window.heardAt = now;
    if (group === this.#ofOthers) group.delete(session);
    if (known === undefined || group === this.#ofOthers) group.set(session, window);
    if (low > window.low) {
      window.low = low;
      for (const [number, reply] of window.replies) {
        if (number >= low) continue;
        window.replies.delete(number);
        this.#count(session, -bytesOf(reply));
      }
      this.#yields?.dropBelow(session, low);
    }
    return window;
  }

  record({ session, number, low, print }: Caller, outcome: Outcome, now: number): void {
    const window = this.hear(session, low, now);
    if (print !== undefined) window.print = print;
    if (number < window.low) return;
    const before = window.replies.get(number);
    window.replies.set(number, outcome);
    this.#count(session, bytesOf(outcome) - (before === undefined ? 0 : bytesOf(before)));
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
    for (const [session, window] of former.#all()) {
      if (scope.isInside(session)) sessions.#add(session, window);
    }
    for (const [session, { replies, ...window }] of present.#all()) {
      if (scope.isInside(session)) continue;
      const known = former.window(session)?.replies;
      const answers = [...replies].map(([number, given]) => {
        return [number, known?.get(number) ?? scope.answer(given)] as const;
      });
      sessions.#add(session, { ...window, replies: new Map(answers) });
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
    for (const [session, { heardAt, replies }] of this.#ofOthers) {
      if (now - heardAt <= limits.sessionMsMax) break;
      this.#ofOthers.delete(session);
      for (const reply of replies.values()) this.#bytes -= bytesOf(reply);
      this.#yields?.drop(session);
    }
    this.#ofOthers.rest();
  }

  store(now: number): StoredSession[] {
    return [...this.#all()].map(([session, { low, heardAt, replies, print }]) => {
      const stored = [session, low, now - heardAt, [...replies]] as const;
      return print === undefined ? stored : [...stored, print];
    });
  }

  static from(stored: readonly StoredSession[], now: number, yields?: Yields): Sessions {
    const sessions = new Sessions(yields);
    for (const [session, low, age, replies, print] of stored) {
      const window = { low, heardAt: now - age, replies: new Map(replies) };
      sessions.#add(session, print === undefined ? window : { ...window, print });
    }
    return sessions;
  }
  #group(session: SessionId): SparseMap<SessionId, SessionWindow> {
    return session.startsWith(actorSessionPrefix) ? this.#ofActors : this.#ofOthers;
  }

  *#all(): Generator<[SessionId, SessionWindow], void, undefined> {
    yield* this.#ofActors;
    yield* this.#ofOthers;
  }

  #add(session: SessionId, window: SessionWindow): void {
    this.#group(session).set(session, window);
    for (const reply of window.replies.values()) this.#count(session, bytesOf(reply));
  }

  #count(session: SessionId, bytes: number): void {
    if (!session.startsWith(actorSessionPrefix)) this.#bytes += bytes;
  }

  #hasRoom(): boolean {
    const { actorSessionsMax, actorReplyBytesMax } = limits;
    return this.count < actorSessionsMax && this.#bytes < actorReplyBytesMax;
  }
}

/** S5 */
function isAlwaysTaken(session: SessionId): boolean {
  const prefixes = [actorSessionPrefix, leaderSessionPrefix, gatewaySessionPrefix];
  return prefixes.some((prefix) => session.startsWith(prefix));
}

function bytesOf(reply: Outcome): number {
  return reply.ok ? reply.value.length : reply.failure.message.length;
}
