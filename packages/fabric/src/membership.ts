/**
 * Names of members. A node holds its name by a lease, so that two nodes with one configuration are
 * told apart at their start. The lease decides nothing else: to lose it is not fatal.
 */
import { troupeError } from '@troupe/model';
import { type Coordination, LeaseGone, type TermLease } from './coordination.ts';
import type { Logger } from './logger.ts';
import type { Names } from './names.ts';
import { textOf } from './nats-errors.ts';
import { pause } from './real-clock.ts';

export interface ClaimStart {
  readonly coordination: Coordination;
  readonly names: Names;
  /** Name of the member. */
  readonly name: string;
  /** Tells this claimant from others: its incarnation. */
  readonly value: string;
  readonly ttlMs: number;
  readonly logger: Logger;
}

export interface Membership {
  /** Resolves when another one holds the name; this one goes on without. */
  readonly taken: Promise<string>;
  /** Gives the name back. */
  release(): Promise<void>;
}

/** etcd looks for expired leases twice a second. */
const expirySlackMs = 1_000;
const pollMs = 100;

/** Claims a name, waiting at most the time a former holder's lease may still last. */
export async function claimMember(start: ClaimStart): Promise<Membership> {
  const { coordination, names, name, ttlMs } = start;
  const until = coordination.clock.now() + ttlMs + expirySlackMs;
  for (;;) {
    const late = coordination.clock.now() >= until;
    let attempt: Attempt;
    try {
      attempt = await tryClaim(start);
    } catch (cause) {
      // What this try did is found by the next one, by its value.
      if (late) throw cause;
      await pause(coordination.clock, pollMs);
      continue;
    }
    if (attempt.kind === 'held') return new Claim(start, attempt.lease);
    if (late) {
      const text = `name "${name}" is held by ${attempt.holder} in cell ${names.cell}`;
      throw troupeError('NODE_NAME_TAKEN', text, { name, holder: attempt.holder });
    }
    await pause(coordination.clock, pollMs);
  }
}

/** Frees the name of a member that is known to be over; false when another one holds it. */
export async function releaseMember(
  coordination: Coordination,
  names: Names,
  name: string,
  ifValue: string,
): Promise<boolean> {
  return coordination.deleteIf(names.keys.member(name), ifValue);
}

/** Every name and what its holder gave as value. */
export async function listMembers(
  coordination: Coordination,
  names: Names,
): Promise<Map<string, string>> {
  return coordination.list(names.keys.members);
}

type Attempt =
  | { readonly kind: 'held'; readonly lease: TermLease }
  | { readonly kind: 'taken'; readonly holder: string };

/** One try. Errors of etcd are thrown: their outcome is unknown. */
async function tryClaim(start: ClaimStart): Promise<Attempt> {
  const { coordination, names, name, value, ttlMs } = start;
  const key = names.keys.member(name);
  const present = await coordination.get(key);
  if (present !== undefined && present.value !== value) {
    return { kind: 'taken', holder: present.value };
  }
  const lease = await coordination.grant(ttlMs);
  const done =
    present === undefined
      ? await coordination.create(key, value, lease)
      : await coordination.replace(key, value, value, lease);
  if (done) return { kind: 'held', lease };
  await lease.revoke();
  const holder = await coordination.get(key);
  return { kind: 'taken', holder: holder?.value ?? 'one that has just left' };
}

class Claim implements Membership {
  readonly taken: Promise<string>;
  readonly #start: ClaimStart;
  #lease: TermLease;
  #over = false;
  #sayTaken: (holder: string) => void = () => {};

  constructor(start: ClaimStart, lease: TermLease) {
    this.#start = start;
    this.#lease = lease;
    this.taken = new Promise((resolve) => {
      this.#sayTaken = resolve;
    });
    void this.#renewLoop();
  }

  async release(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const { coordination, names, name, value } = this.#start;
    // If etcd does not hear it, the lease runs out.
    await coordination.deleteIf(names.keys.member(name), value).catch(() => {});
    await this.#lease.revoke();
  }

  async #renewLoop(): Promise<void> {
    const { coordination, ttlMs, logger, name } = this.#start;
    while (!this.#over) {
      await pause(coordination.clock, ttlMs / 4);
      if (this.#over) return;
      try {
        await this.#lease.renew(ttlMs / 4);
      } catch (cause) {
        logger.warn({ name, cause: textOf(cause) }, 'membership: lease not renewed');
        if (cause instanceof LeaseGone) await this.#reclaim();
      }
    }
  }

  async #reclaim(): Promise<void> {
    const { logger, name } = this.#start;
    try {
      const attempt = await tryClaim(this.#start);
      if (attempt.kind === 'held') {
        this.#lease = attempt.lease;
        return;
      }
      this.#over = true;
      logger.warn({ name, holder: attempt.holder }, 'membership: another one holds the name');
      this.#sayTaken(attempt.holder);
    } catch (cause) {
      logger.warn({ name, cause: textOf(cause) }, 'membership: name not claimed again yet');
    }
  }
}
