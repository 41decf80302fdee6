/**
 * The client of etcd, kept small: get, compare-and-put with a lease, delete if equal, list. What
 * changes a key is not retried inside; after any error the caller reads back, because the outcome
 * is unknown. What may be done twice is asked of another member when one fails.
 */
import { type TroupeError, troupeError } from '@troupe/model';
import type { Etcd3 } from 'etcd3';
import { EtcdMembers } from './etcd-members.ts';
import { textOf } from './nats-errors.ts';
import type { Clock } from './ports.ts';
import { pause } from './real-clock.ts';

export interface Held {
  readonly value: string;
  /** Decimal id of the lease; '0' for none. */
  readonly lease: string;
  /** Rises with every creation of a key in this etcd. */
  readonly createRevision: number;
}

export interface CoordinationStart {
  readonly etcd: readonly string[];
  readonly clock: Clock;
  /** Deadline of one call. */
  readonly callMs?: number;
  /** How long the first answer may take in all. */
  readonly connectMsMax?: number;
}

const callMsDefault = 1_000;
const connectMsMaxDefault = 10_000;
const reconnectMs = 250;

/** Connects and waits a bounded time for the first answer. */
export async function openCoordination(start: CoordinationStart): Promise<Coordination> {
  const coordination = new Coordination(start);
  const msMax = start.connectMsMax ?? connectMsMaxDefault;
  const until = start.clock.now() + msMax;
  for (;;) {
    try {
      await coordination.get('/troupe');
      return coordination;
    } catch (cause) {
      if (start.clock.now() + reconnectMs > until) {
        coordination.close();
        const text = `etcd at ${start.etcd.join(', ')} did not answer within ${msMax} ms`;
        throw troupeError('ETCD_UNREACHABLE', `${text} (${textOf(cause)})`, {}, cause);
      }
      await pause(start.clock, reconnectMs);
    }
  }
}

export class Coordination {
  readonly clock: Clock;
  readonly #members: EtcdMembers;
  readonly #callMs: number;
  readonly #hosts: string;

  constructor(start: CoordinationStart) {
    this.clock = start.clock;
    this.#callMs = start.callMs ?? callMsDefault;
    this.#hosts = start.etcd.join(', ');
    const { clock } = start;
    this.#members = new EtcdMembers({ hosts: start.etcd, clock, callMs: this.#callMs });
  }

  /** Linearizable. */
  async get(key: string, limitMs = this.#callMs): Promise<Held | undefined> {
    const reply = await this.#ask((client) => client.get(key).exec(), limitMs);
    const found = reply.kvs[0];
    if (found === undefined) return undefined;
    return {
      value: found.value.toString('utf8'),
      lease: String(found.lease),
      createRevision: Number(found.create_revision),
    };
  }

  /** Puts only while the key does not exist; false when it does. */
  async create(key: string, value: string, lease?: TermLease): Promise<boolean> {
    const reply = await this.#tell((client) =>
      client
        .if(key, 'Create', '==', 0)
        .then(put(client, key, value, lease))
        .commit(),
    );
    return reply.succeeded;
  }

  /** Puts only while the key holds `present`. */
  async replace(key: string, present: string, value: string, lease?: TermLease): Promise<boolean> {
    const reply = await this.#tell((client) =>
      client
        .if(key, 'Value', '==', present)
        .then(put(client, key, value, lease))
        .commit(),
    );
    return reply.succeeded;
  }

  /** Deletes only while the key holds `present`; true when it was deleted now. */
  async deleteIf(key: string, present: string): Promise<boolean> {
    const reply = await this.#tell((client) =>
      client.if(key, 'Value', '==', present).then(client.delete().key(key)).commit(),
    );
    return reply.succeeded;
  }

  /** Every key below a prefix, without it. */
  async list(prefix: string): Promise<Map<string, string>> {
    const found = await this.#ask((client) => client.getAll().prefix(prefix).strings());
    const entries = Object.entries(found).map(
      ([key, value]) => [key.slice(prefix.length), value] as const,
    );
    return new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  /** A lease that nobody renews but its owner. One whose answer was lost runs out by itself. */
  async grant(ttlMs: number, limitMs = this.#callMs): Promise<TermLease> {
    const seconds = Math.max(2, Math.ceil(ttlMs / 1_000));
    const sentAt = this.clock.now();
    const deadline = Date.now() + limitMs;
    const grant = (client: Etcd3) => client.leaseClient.leaseGrant({ TTL: seconds }, { deadline });
    const reply = await this.#ask(grant, limitMs);
    const { clock } = this;
    const members = this.#members;
    const granted = { id: String(reply.ID), ttlMs: Number(reply.TTL) * 1_000 };
    return new TermLease({ ...granted, members, sentAt, clock });
  }

  close(): void {
    this.#members.close();
  }

  #ask<T>(call: (client: Etcd3) => Promise<T>, limitMs = this.#callMs): Promise<T> {
    return this.#members.ask(call, limitMs, () => this.#late(limitMs));
  }

  #tell<T>(call: (client: Etcd3) => Promise<T>): Promise<T> {
    return this.#members.tell(call, this.#callMs, () => this.#late(this.#callMs));
  }

  #late(limitMs: number): TroupeError {
    return troupeError('UNAVAILABLE', `etcd at ${this.#hosts} gave no answer in ${limitMs} ms`);
  }
}

function put(client: Etcd3, key: string, value: string, lease: TermLease | undefined) {
  const operation = client.put(key).value(value);
  return lease === undefined ? operation : operation.lease(lease.id);
}

interface LeaseStart {
  readonly id: string;
  readonly ttlMs: number;
  readonly members: EtcdMembers;
  readonly sentAt: number;
  readonly clock: Clock;
}

/** One lease for one term. It is valid until a time reckoned from before its requests were sent. */
export class TermLease {
  readonly id: string;
  readonly ttlMs: number;
  readonly #members: EtcdMembers;
  readonly #clock: Clock;
  #validUntil: number;

  constructor(start: LeaseStart) {
    this.id = start.id;
    this.ttlMs = start.ttlMs;
    this.#members = start.members;
    this.#clock = start.clock;
    this.#validUntil = start.sentAt + start.ttlMs;
  }

  get validUntil(): number {
    return this.#validUntil;
  }

  /** Renews once. Rejects with `LeaseGone` when etcd does not know the lease any more. */
  async renew(limitMs: number): Promise<void> {
    const sentAt = this.#clock.now();
    const deadline = Date.now() + limitMs;
    const late = () => troupeError('UNAVAILABLE', `etcd renewed no lease in ${limitMs} ms`);
    const renew = (client: Etcd3) => keepAlive(client, this.id, deadline);
    const seconds = await this.#members.ask(renew, limitMs, late);
    if (seconds <= 0) throw new LeaseGone(this.id);
    this.#validUntil = Math.max(this.#validUntil, sentAt + seconds * 1_000);
  }

  /** Ends the lease and every key on it; whether etcd heard it is of no consequence. */
  async revoke(limitMs = callMsDefault): Promise<void> {
    const deadline = Date.now() + limitMs;
    const late = () => troupeError('UNAVAILABLE', `etcd revoked no lease in ${limitMs} ms`);
    const revoke = (client: Etcd3) => client.leaseClient.leaseRevoke({ ID: this.id }, { deadline });
    await this.#members.ask(revoke, limitMs, late).catch(() => {});
  }
}

/** Seconds that the lease is good for from now on; 0 when etcd does not know it. */
async function keepAlive(client: Etcd3, id: string, deadline: number): Promise<number> {
  const stream = await client.leaseClient.leaseKeepAlive({ deadline });
  return new Promise((resolve, reject) => {
    stream.on('data', (reply) => {
      resolve(Number(reply.TTL));
      stream.end();
    });
    stream.on('error', reject);
    stream.write({ ID: id });
  });
}

export class LeaseGone extends Error {
  constructor(id: string) {
    super(`etcd does not know lease ${id} any more`);
    this.name = 'LeaseGone';
  }
}
