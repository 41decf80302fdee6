/**
 * Who leads. etcd only says who may try: the journal is the fence. Each term has a lease of its own
 * and is over for good once it was stepped down from, however late etcd's answers come.
 *
 * E1  a leader's lease is reckoned by the monotonic clock from before its renewal was sent, so it
 *     steps down before etcd lets another one win.
 * E2  whatever a transaction answered, only a linearizable read says who holds the key.
 * E3  stepping down is one-way: a term that was lost is never taken up again.
 */
import { randomUUID } from 'node:crypto';
import { troupeError } from '@troupe/model';
import { z } from 'zod';
import { type Coordination, LeaseGone, type TermLease } from './coordination.ts';
import type { Logger } from './logger.ts';
import type { Names } from './names.ts';
import { textOf } from './nats-errors.ts';
import type { Clock } from './ports.ts';
import { pause } from './real-clock.ts';

export interface ElectionStart {
  readonly coordination: Coordination;
  readonly names: Names;
  /** Name of this candidate: the scheduler's. */
  readonly id: string;
  /** Where it can be reached. */
  readonly address: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Leader {
  readonly id: string;
  readonly address: string;
  readonly token: number;
}

export interface Leadership {
  /** Create revision of the key: rises from term to term. Advisory: the journal fences. */
  readonly token: number;
  /** Asked synchronously before each append and side effect. */
  stillLeading(): boolean;
  /** Resolves with the reason when the term is lost; never after `resign`. */
  readonly lost: Promise<Error>;
  /** Steps down and lets others win at once. */
  resign(): Promise<void>;
}

const pollMs = 150;
const guardMs = 20;
const rereadMs = 1_000;
/** Share of the lease that must remain: less, and the leader steps down. */
const remainShareMin = 0.25;
/** Share that must remain for a term to begin. */
const beginShareMin = 0.5;

const leaderValue = z.object({ id: z.string(), address: z.string(), term: z.string() });

export class Election {
  readonly #start: ElectionStart;

  constructor(start: ElectionStart) {
    this.#start = start;
  }

  /** Resolves when this candidate has won a term; rejects only when `signal` aborts. */
  async campaign(signal?: AbortSignal): Promise<Leadership> {
    const { clock, logger, coordination, names } = this.#start;
    for (;;) {
      signal?.throwIfAborted();
      try {
        const holder = await coordination.get(names.keys.leader, this.#callMs());
        if (holder === undefined) {
          const term = await this.#tryTerm();
          if (signal?.aborted === true) await term?.resign();
          else if (term !== undefined) return term;
        }
      } catch (cause) {
        logger.warn({ cause: textOf(cause) }, 'election: etcd gave no answer');
      }
      await pause(clock, pollMs);
    }
  }

  /** Whoever holds the key at present, by a linearizable read. */
  async currentLeader(): Promise<Leader | undefined> {
    const holder = await this.#start.coordination.get(this.#start.names.keys.leader);
    if (holder === undefined) return undefined;
    const { id, address } = leaderValue.parse(JSON.parse(holder.value));
    return { id, address, token: holder.createRevision };
  }

  /** Ends the term of a leader that is known to be gone; the journal fences it if it is not. */
  async revokeLeader(expected: string): Promise<boolean> {
    const { coordination, names } = this.#start;
    const holder = await coordination.get(names.keys.leader);
    if (holder === undefined) return false;
    if (leaderValue.parse(JSON.parse(holder.value)).id !== expected) return false;
    return coordination.deleteIf(names.keys.leader, holder.value);
  }

  async #tryTerm(): Promise<Term | undefined> {
    const { coordination, names, id, address, leaseMs, clock, logger } = this.#start;
    const value = JSON.stringify({ id, address, term: randomUUID() });
    const lease = await coordination.grant(leaseMs, this.#callMs());
    try {
      await coordination.create(names.keys.leader, value, lease);
    } catch (cause) {
      logger.warn({ cause: textOf(cause) }, 'election: outcome unknown, reading back');
    }
    const beginUntil = lease.validUntil - lease.ttlMs * beginShareMin;
    while (clock.now() < beginUntil) {
      try {
        const holder = await coordination.get(names.keys.leader, this.#callMs());
        const own = holder?.value === value && holder.lease === lease.id;
        if (!own || clock.now() >= beginUntil) break;
        return new Term(this.#start, { lease, value, token: holder.createRevision });
      } catch (cause) {
        logger.warn({ cause: textOf(cause) }, 'election: cannot read back yet');
        await pause(clock, guardMs);
      }
    }
    await lease.revoke(this.#callMs());
    return undefined;
  }

  #callMs(): number {
    return Math.max(200, this.#start.leaseMs / 6);
  }
}

class Term implements Leadership {
  readonly token: number;
  readonly lost: Promise<Error>;
  readonly #start: ElectionStart;
  readonly #lease: TermLease;
  readonly #value: string;
  #over = false;
  #sayLost: (reason: Error) => void = () => {};

  constructor(
    start: ElectionStart,
    won: { readonly lease: TermLease; readonly value: string; readonly token: number },
  ) {
    this.#start = start;
    this.#lease = won.lease;
    this.#value = won.value;
    this.token = won.token;
    this.lost = new Promise((resolve) => {
      this.#sayLost = resolve;
    });
    this.#guard();
    void this.#renewLoop();
    void this.#rereadLoop();
  }

  stillLeading(): boolean {
    if (!this.#over && this.#remainingMs() < this.#lease.ttlMs * remainShareMin) {
      this.#stepDown('its lease was not renewed in time');
    }
    return !this.#over;
  }

  async resign(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const { coordination, names } = this.#start;
    // If etcd does not hear either of the two, the lease runs out.
    await coordination.deleteIf(names.keys.leader, this.#value).catch(() => {});
    await this.#lease.revoke();
  }

  #remainingMs(): number {
    return this.#lease.validUntil - this.#start.clock.now();
  }

  #guard(): void {
    this.#start.clock.after(guardMs, () => {
      if (this.stillLeading()) this.#guard();
    });
  }

  async #renewLoop(): Promise<void> {
    const stepMs = this.#lease.ttlMs / 6;
    while (!this.#over) {
      await pause(this.#start.clock, stepMs);
      if (this.#over) return;
      try {
        await this.#lease.renew(stepMs);
      } catch (cause) {
        if (cause instanceof LeaseGone) this.#stepDown(cause.message);
        else this.#start.logger.warn({ cause: textOf(cause) }, 'election: lease not renewed');
      }
    }
  }

  /** Notices a key that was deleted or taken, of which a lease says nothing. */
  async #rereadLoop(): Promise<void> {
    const { clock, coordination, names, logger } = this.#start;
    while (!this.#over) {
      await pause(clock, rereadMs);
      if (this.#over) return;
      try {
        const holder = await coordination.get(names.keys.leader, this.#lease.ttlMs / 6);
        if (holder?.value !== this.#value) this.#stepDown('the leader key is not its own any more');
      } catch (cause) {
        logger.warn({ cause: textOf(cause) }, 'election: leader key not read');
      }
    }
  }

  #stepDown(why: string): void {
    if (this.#over) return;
    this.#over = true;
    void this.#lease.revoke();
    const { id } = this.#start;
    this.#sayLost(troupeError('DEPOSED', `${id} leads no longer: ${why}`, { id }));
  }
}
