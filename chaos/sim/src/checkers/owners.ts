/**
 * Who owns which actor, and which owners have ended: read from the facts of the journal, from what clients
 * ask for and from what leaders hear, with nothing of the tables of a scheduler.
 */
import {
  type ActorId,
  type ActorOwner,
  limits,
  type Request,
  type RequestBody,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { ClientMessage } from '@troupe/virtual';

/** How a leader has heard of a session. */
interface Heard {
  last: number;
  /** The longest for which it was not heard of. */
  longest: number;
}

export interface Owned {
  readonly actor: ActorId;
  readonly birth: number;
  readonly owner: ActorOwner;
}

/** Clocks run up to 3 % too fast, and what is heard is told to a machine a moment later. */
const clockShare = 0.93;

export class Owners {
  readonly #now: () => number;
  readonly #owned = new Map<ActorId, Owned>();
  /** By name, the birth that lives and is not about to end. */
  readonly #living = new Map<ActorId, number>();
  readonly #born = new Map<ActorId, number>();
  readonly #running = new Set<string>();
  /** Births that clients wished to end, and sessions that they closed. */
  readonly #asked = new Set<string>();
  readonly #bodies = new Set<RequestBody>();
  readonly #owning = new Set<string>();
  /** By session, of the present term. */
  readonly #heard = new Map<string, Heard>();
  /** By session, when a leader was first asked to make what it owns: it counts from then, or later. */
  readonly #askedToMake = new Map<string, number>();
  /** Words of sessions, by gateway and number. */
  readonly #requests = new Set<string>();
  #term = 0;
  /** When the first process began to lead since the last term was opened. */
  #ledAt: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  sent(message: object): void {
    if (!('kind' in message) || message.kind !== 'client-request') return;
    const { body } = message as Extract<ClientMessage, { kind: 'client-request' }>;
    if (this.#bodies.has(body)) return;
    if (body.kind === 'end-session') this.#asked.add(`session ${body.session}`);
    else if (body.kind === 'wish-actor' && body.wish === 'ending') {
      this.#asked.add(`${body.actor}#${body.birth}`);
    } else return;
    this.#bodies.add(body);
  }

  /** By the leader of that term, if there is one. */
  requested({ forTerm, body, replyTo, number }: Request): void {
    const owner = body.kind === 'create-actor' ? body.owner : undefined;
    if (owner?.kind === 'session' && !this.#askedToMake.has(owner.session)) {
      this.#askedToMake.set(owner.session, this.#now());
    }
    if (body.kind !== 'keep-session' || forTerm !== this.#term) return;
    // A copy that comes late is known, and tells a leader nothing.
    const copyOf = `${replyTo} ${number}`;
    if (this.#requests.has(copyOf)) return;
    this.#requests.add(copyOf);
    const heard = this.#heard.get(body.session);
    if (heard === undefined) return;
    const now = this.#now();
    heard.longest = Math.max(heard.longest, now - heard.last);
    heard.last = now;
  }

  /** A term begins in some process, which appends that it does. */
  leads(): void {
    this.#ledAt ??= this.#now();
  }

  journal(fact: SchedulerFact, position: number): void {
    switch (fact.kind) {
      case 'term-opened': {
        // Whoever leads now gives every session its whole time anew.
        const at = this.#ledAt ?? this.#now();
        this.#term = position;
        this.#ledAt = undefined;
        this.#heard.clear();
        for (const session of this.#owning) this.#heard.set(session, { last: at, longest: 0 });
        return;
      }
      case 'run-started':
        this.#running.add(fact.run);
        return;
      case 'run-ended':
        this.#running.delete(fact.run);
        return;
      case 'actor-created': {
        const { actor, owner } = fact;
        this.#living.set(actor, position);
        this.#born.set(actor, position);
        if (owner !== undefined) this.#owned.set(actor, { actor, birth: position, owner });
        if (owner?.kind === 'session') {
          this.#owning.add(owner.session);
          const last = this.#askedToMake.get(owner.session) ?? this.#now();
          if (!this.#heard.has(owner.session)) this.#heard.set(owner.session, { last, longest: 0 });
        }
        return;
      }
      case 'actor-wished':
        if (fact.wish === 'ending') this.#living.delete(fact.actor);
        return;
      case 'actor-destroyed':
        this.#living.delete(fact.actor);
        this.#born.delete(fact.actor);
        this.#owned.delete(fact.actor);
        return;
      default:
    }
  }

  get(actor: ActorId): Owned | undefined {
    return this.#owned.get(actor);
  }

  isAsked(actor: ActorId): boolean {
    return this.#asked.has(`${actor}#${this.#born.get(actor)}`);
  }

  /** It has ended, or, of a session, may be taken for one that has. */
  isOver(owner: ActorOwner): boolean {
    switch (owner.kind) {
      case 'actor':
        return this.#living.get(owner.actor) !== owner.birth;
      case 'run':
        return !this.#running.has(owner.run);
      case 'session':
        return this.isClosed(owner) || this.#wasSilent(owner.session);
    }
  }

  isClosed(owner: ActorOwner): boolean {
    return owner.kind === 'session' && this.#asked.has(`session ${owner.session}`);
  }

  /** Those that are to end, and do not: no session of a client goes on to the end of a run. */
  *orphans(): Iterable<Owned> {
    for (const owned of this.#owned.values()) {
      const { actor, birth, owner } = owned;
      const ends = owner.kind === 'session' || this.isOver(owner);
      if (ends || this.#living.get(actor) !== birth) yield owned;
    }
  }

  #wasSilent(session: string): boolean {
    const heard = this.#heard.get(session);
    if (heard === undefined) return false;
    const silentMs = Math.max(heard.longest, this.#now() - heard.last);
    return silentMs >= limits.owningSessionMs * clockShare;
  }
}
