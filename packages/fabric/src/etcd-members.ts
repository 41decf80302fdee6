/**
 * The members of etcd, one client each. The library asks a member at random, also one that is dead;
 * here the one that answered last is asked, and another one as soon as it fails or is slow.
 *
 * M1  only what may be done twice is asked of several members.
 * M2  a member that failed is not asked first again until the others have had their turn.
 */
import { ConstantBackoff, noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';
import type { Clock } from './ports.ts';
import { within } from './real-clock.ts';

export interface MembersStart {
  readonly hosts: readonly string[];
  readonly clock: Clock;
  /** Deadline of one call. */
  readonly callMs: number;
}

const watchBackoffMs = 250;
/** etcd closes connections that ping more often than each 5 s. */
const pingMs = 10_000;

export class EtcdMembers {
  readonly #clients: readonly Etcd3[];
  readonly #clock: Clock;
  /** The member asked first. */
  #at = 0;

  constructor(start: MembersStart) {
    this.#clock = start.clock;
    // Candidates and nodes do not all lean on one member.
    this.#at = Math.floor(Math.random() * start.hosts.length);
    this.#clients = start.hosts.map((host) => clientOf(host, start.callMs));
  }

  /** What may be done twice: asked of the next member too when one fails, or is slow to answer. */
  ask<T>(call: (client: Etcd3) => Promise<T>, limitMs: number, late: () => Error): Promise<T> {
    const first = this.#at;
    const asking = new Promise<T>((resolve, reject) => {
      let asked = 0;
      let waiting = 0;
      let over = false;
      const next = (): void => {
        const index = (first + asked) % this.#clients.length;
        const client = this.#clients[index];
        if (over || asked === this.#clients.length || client === undefined) return;
        asked += 1;
        waiting += 1;
        const cancel = this.#clock.after(limitMs / this.#clients.length, next);
        call(client).then(
          (answer) => {
            cancel();
            if (!over) this.#at = index;
            over = true;
            resolve(answer);
          },
          (cause) => {
            cancel();
            waiting -= 1;
            next();
            if (waiting === 0) reject(cause);
          },
        );
      };
      next();
    });
    return within(this.#clock, asking, limitMs, late).catch((cause) => this.#pass(first, cause));
  }

  /** What must not be done twice: one member is asked, and another one first the next time. */
  tell<T>(call: (client: Etcd3) => Promise<T>, limitMs: number, late: () => Error): Promise<T> {
    const first = this.#at;
    const client = this.#clients[first];
    if (client === undefined) return Promise.reject(late());
    return within(this.#clock, call(client), limitMs, late).catch((cause) =>
      this.#pass(first, cause),
    );
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** M2 */
  #pass(failed: number, cause: unknown): never {
    if (this.#at === failed) this.#at = (failed + 1) % this.#clients.length;
    throw cause;
  }
}

function clientOf(host: string, callMs: number): Etcd3 {
  return new Etcd3({
    hosts: host,
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
