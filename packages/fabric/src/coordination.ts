/**
 * The client of etcd, kept small: get, compare-and-put with a lease, delete if equal, list. Nothing
 * is retried inside; after any error the caller reads back, because the outcome is unknown.
 */
import { type TroupeError, troupeError } from '@troupe/model';
import { ConstantBackoff, noop } from 'cockatiel';
import { Etcd3, EtcdLeaseInvalidError, type Lease } from 'etcd3';
import { textOf } from './nats-errors.ts';
import type { Clock } from './ports.ts';
import { pause, within } from './real-clock.ts';

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
const watchBackoffMs = 250;
/** etcd closes connections that ping more often than each 5 s. */
const pingMs = 10_000;

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
      if (start.clock.now() + watchBackoffMs > until) {
        coordination.close();
        const text = `etcd at ${start.etcd.join(', ')} did not answer within ${msMax} ms`;
        throw troupeError('ETCD_UNREACHABLE', `${text} (${textOf(cause)})`, {}, cause);
      }
      await pause(start.clock, watchBackoffMs);
    }
  }
}

export class Coordination {
  readonly clock: Clock;
  readonly #client: Etcd3;
  readonly #callMs: number;
  readonly #hosts: string;

  constructor(start: CoordinationStart) {
    this.clock = start.clock;
    this.#callMs = start.callMs ?? callMsDefault;
    this.#hosts = start.etcd.join(', ');
    const callMs = this.#callMs;
    this.#client = new Etcd3({
      hosts: [...start.etcd],
      grpcOptions: {
        'grpc.keepalive_time_ms': pingMs,
        'grpc.keepalive_timeout_ms': 5_000,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.min_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 500,
      },
      // A fixed object would be one absolute instant for ever.
      defaultCallOptions: (context) => (context.isStream ? {} : { deadline: Date.now() + callMs }),
      faultHandling: {
        host: () => noop,
        global: noop,
        watchBackoff: new ConstantBackoff(watchBackoffMs).next(),
      },
    });
  }

  /** Linearizable. */
  async get(key: string, limitMs = this.#callMs): Promise<Held | undefined> {
    const reply = await this.#bounded(this.#client.get(key).exec(), limitMs);
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
    const put = this.#client.put(key).value(value);
    const operation = lease === undefined ? put : put.lease(lease.id);
    const reply = await this.#bounded(
      this.#client.if(key, 'Create', '==', 0).then(operation).commit(),
    );
    return reply.succeeded;
  }

  /** Puts only while the key holds `present`. */
  async replace(key: string, present: string, value: string, lease?: TermLease): Promise<boolean> {
    const put = this.#client.put(key).value(value);
    const operation = lease === undefined ? put : put.lease(lease.id);
    const reply = await this.#bounded(
      this.#client.if(key, 'Value', '==', present).then(operation).commit(),
    );
    return reply.succeeded;
  }

  /** Deletes only while the key holds `present`; true when it was deleted now. */
  async deleteIf(key: string, present: string): Promise<boolean> {
    const reply = await this.#bounded(
      this.#client.if(key, 'Value', '==', present).then(this.#client.delete().key(key)).commit(),
    );
    return reply.succeeded;
  }

  /** Every key below a prefix, without it. */
  async list(prefix: string): Promise<Map<string, string>> {
    const found = await this.#bounded(this.#client.getAll().prefix(prefix).strings());
    const entries = Object.entries(found).map(
      ([key, value]) => [key.slice(prefix.length), value] as const,
    );
    return new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  /** A lease that nobody renews but its owner. */
  async grant(ttlMs: number, limitMs = this.#callMs): Promise<TermLease> {
    const seconds = Math.max(2, Math.ceil(ttlMs / 1_000));
    const sentAt = this.clock.now();
    const options = { autoKeepAlive: false, deadline: Date.now() + limitMs };
    const lease = this.#client.lease(seconds, options);
    const id = await this.#bounded(lease.grant(), limitMs);
    return new TermLease({ lease, id, sentAt, ttlMs: seconds * 1_000, clock: this.clock });
  }

  close(): void {
    this.#client.close();
  }

  #bounded<T>(work: Promise<T>, limitMs = this.#callMs): Promise<T> {
    return within(this.clock, work, limitMs, () => this.#late(limitMs));
  }

  #late(limitMs: number): TroupeError {
    return troupeError('UNAVAILABLE', `etcd at ${this.#hosts} gave no answer in ${limitMs} ms`);
  }
}

/** One lease for one term. It is valid until a time reckoned from before its requests were sent. */
export class TermLease {
  readonly id: string;
  readonly ttlMs: number;
  readonly #lease: Lease;
  readonly #clock: Clock;
  #validUntil: number;

  constructor(start: { lease: Lease; id: string; sentAt: number; ttlMs: number; clock: Clock }) {
    this.id = start.id;
    this.ttlMs = start.ttlMs;
    this.#lease = start.lease;
    this.#clock = start.clock;
    this.#validUntil = start.sentAt + start.ttlMs;
  }

  get validUntil(): number {
    return this.#validUntil;
  }

  /** Renews once. Rejects with `LeaseGone` when etcd does not know the lease any more. */
  async renew(limitMs: number): Promise<void> {
    const sentAt = this.#clock.now();
    const late = () => troupeError('UNAVAILABLE', `etcd renewed no lease in ${limitMs} ms`);
    try {
      const options = { deadline: Date.now() + limitMs };
      const reply = await within(this.#clock, this.#lease.keepaliveOnce(options), limitMs, late);
      this.#validUntil = Math.max(this.#validUntil, sentAt + Number(reply.TTL) * 1_000);
    } catch (cause) {
      if (cause instanceof EtcdLeaseInvalidError) throw new LeaseGone(this.id, cause);
      throw cause;
    }
  }

  /** Ends the lease and every key on it; whether etcd heard it is of no consequence. */
  async revoke(limitMs = callMsDefault): Promise<void> {
    const late = () => troupeError('UNAVAILABLE', `etcd revoked no lease in ${limitMs} ms`);
    const options = { deadline: Date.now() + limitMs };
    await within(this.#clock, this.#lease.revoke(options), limitMs, late).catch(() => {});
  }
}

export class LeaseGone extends Error {
  constructor(id: string, cause: unknown) {
    super(`etcd does not know lease ${id} any more`, { cause });
    this.name = 'LeaseGone';
  }
}
