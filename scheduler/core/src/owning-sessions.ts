/**
 * Client sessions that own actors, and when the leader has heard of each last. Volatile: that an actor is
 * owned stands in the journal, and a new leader gives every session its whole time anew.
 *
 * OS1 a session is over when its client says so, or when it was not heard of for `limits.owningSessionMs`
 *     of the time for which this leader has led, and looked.
 */
import { type ActorOwner, limits, type RequestBody, type SessionOwner } from '@troupe/model';
import { ownerKey } from './actors.ts';
import type { Desk } from './desk.ts';
import type { Asker } from './waiting.ts';

type Body = Extract<RequestBody, { kind: 'keep-session' | 'end-session' }>;

/** Between two looks there is a second: after so long nobody could be heard. */
const deafMs = 10_000;

export class OwningSessions {
  readonly #desk: Desk;
  /** The one heard of longest ago first. */
  readonly #heard = new Map<string, { readonly owner: SessionOwner; readonly at: number }>();
  readonly #over: (owner: SessionOwner) => void;
  #lookedAt: number;

  /** `over`: what it owns is to end. */
  constructor(desk: Desk, over: (owner: SessionOwner) => void) {
    this.#desk = desk;
    this.#over = over;
    this.#lookedAt = desk.now;
  }

  /** Whoever leads now knows who owns what, and has heard of nobody. */
  takeOver(): void {
    for (const owner of this.#desk.state.actors.owners()) this.owns(owner);
  }

  /** It has just been given an actor. */
  owns(owner: ActorOwner): void {
    if (owner.kind === 'session') this.#hear(owner);
  }

  serve(asker: Asker, { kind, tenant, session }: Body): void {
    const owner = { kind: 'session', tenant, session } as const;
    if (kind === 'end-session') {
      this.#heard.delete(ownerKey(owner));
      this.#over(owner);
    } else if (this.#heard.has(ownerKey(owner))) this.#hear(owner);
    this.#desk.answer(asker, { kind: 'done' });
  }

  /** Every second. */
  look(): void {
    const { now } = this.#desk;
    const wasDeaf = now - this.#lookedAt > deafMs;
    this.#lookedAt = now;
    if (wasDeaf) {
      for (const { owner } of [...this.#heard.values()]) this.#hear(owner);
      return;
    }
    for (const [key, { owner, at }] of this.#heard) {
      if (now - at < limits.owningSessionMs) return;
      this.#heard.delete(key);
      this.#over(owner);
    }
  }

  #hear(owner: SessionOwner): void {
    const key = ownerKey(owner);
    this.#heard.delete(key);
    this.#heard.set(key, { owner, at: this.#desk.now });
  }
}
