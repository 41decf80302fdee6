/**
 * Permits of a semaphore for who is no actor. A lease lasts as long as its holder says again that it
 * goes on.
 *
 * L1  a holder hears that its lease is lost before another one can have it.
 */
import { type TroupeError, troupeError } from '@troupe/model';
import type { ActorCalls } from './actor.ts';
import { checkWhole } from './definition.ts';
import type { Platform } from './platform.ts';
import { checkPermits, type Semaphore, type SemaphoreCounts, type Standing } from './semaphore.ts';

export interface AcquireOptions {
  /** How long to wait for a permit: `DEADLINE_EXCEEDED` beyond; for ever unless given. */
  readonly waitMs?: number;
  /** So long after it was last heard of its lease ends; 30 s unless given. */
  readonly leaseMs?: number;
}

export interface Lease {
  /** Aborted when it is not sure any more that the permit is held: others may have it soon. */
  readonly lost: AbortSignal;
  /** Again changes nothing. */
  release(): Promise<void>;
}

export interface SemaphoreHandle {
  acquire(options?: AcquireOptions): Promise<Lease>;
  /** Does something while it holds a permit. */
  use<T>(run: (lease: Lease) => Promise<T> | T, options?: AcquireOptions): Promise<T>;
  counts(): Promise<SemaphoreCounts>;
}

type Calls = ActorCalls<typeof Semaphore>;

const leaseMsDefault = 30_000;
const leaseMsMin = 1_000;
const pollMsMin = 50;
const pollMsMax = 1_000;
/** Of the lease: clocks differ. */
const sureShare = 0.9;

export function semaphoreOf(calls: Calls, permits: number, platform: Platform): SemaphoreHandle {
  checkPermits(permits);
  const acquire = async (options: AcquireOptions = {}): Promise<Lease> => {
    const { leaseMs = leaseMsDefault, waitMs } = options;
    checkWhole('leaseMs', leaseMs, leaseMsMin);
    checkWhole('waitMs', waitMs, 0);
    const held = new HeldLease({ calls, platform, leaseMs });
    await held.take(permits, waitMs);
    return held;
  };
  return {
    acquire,
    async use(run, options) {
      const lease = await acquire(options);
      try {
        return await run(lease);
      } finally {
        await lease.release();
      }
    },
    counts: () => calls.counts(),
  };
}

interface Given {
  readonly calls: Calls;
  readonly platform: Platform;
  readonly leaseMs: number;
}

class HeldLease implements Lease {
  readonly #given: Given;
  readonly #lost = new AbortController();
  #id: string;
  /** When what was last answered was asked. */
  #keptAt = 0;
  #ended = false;
  #cancelNext = (): void => undefined;

  constructor(given: Given) {
    this.#given = given;
    this.#id = given.platform.newId();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  readonly release = async (): Promise<void> => {
    this.#ended = true;
    this.#cancelNext();
    await this.#given.calls.release(this.#id);
  };

  async take(permits: number, waitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { calls, platform, leaseMs } = this.#given;
    const until = platform.now() + waitMs;
    let pollMs = pollMsMin;
    let standing: Standing = await this.#ask(() => calls.take({ id: this.#id, permits, leaseMs }));
    while (standing !== 'held') {
      const leftMs = until - platform.now();
      if (leftMs <= 0) {
        await this.release();
        throw this.#late(waitMs);
      }
      await new Promise<void>((go) => platform.after(Math.min(pollMs, leftMs), go));
      pollMs = Math.min(pollMs * 2, pollMsMax);
      const id = this.#id;
      standing = this.#isToKeep ? await this.#ask(() => calls.keep(id)) : await calls.standing(id);
      if (standing !== 'gone') continue;
      // It could not say in time that it still waits: it waits anew, behind the others.
      this.#id = platform.newId();
      standing = await this.#ask(() => calls.take({ id: this.#id, permits, leaseMs }));
    }
    this.#keepLater();
  }

  get #isToKeep(): boolean {
    const { platform, leaseMs } = this.#given;
    return platform.now() - this.#keptAt >= leaseMs / 3;
  }

  async #ask(ask: () => Promise<Standing>): Promise<Standing> {
    const at = this.#given.platform.now();
    const standing = await ask();
    this.#keptAt = at;
    return standing;
  }

  #keepLater(): void {
    const { platform, leaseMs } = this.#given;
    const cancelKeep = platform.after(leaseMs / 3, () => void this.#keep());
    const sureMs = this.#keptAt + leaseMs * sureShare - platform.now();
    const cancelLost = platform.after(Math.max(0, sureMs), () => this.#lose());
    this.#cancelNext = () => {
      cancelKeep();
      cancelLost();
    };
  }

  /** What fails is asked again, as long as it may still be in time (L1). */
  async #keep(): Promise<void> {
    const { calls, platform, leaseMs } = this.#given;
    try {
      const standing = await this.#ask(() => calls.keep(this.#id));
      if (this.#ended) return;
      this.#cancelNext();
      if (standing === 'held') this.#keepLater();
      else this.#lose();
    } catch {
      // `#lose` waits for its time.
      if (!this.#ended) platform.after(leaseMs / 10, () => void this.#keep());
    }
  }

  #lose(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lost.abort(this.#gone());
  }

  #gone(): TroupeError {
    const what = `the lease ${this.#id} of ${this.#given.leaseMs} ms is over`;
    return troupeError('GONE', what);
  }

  #late(waitMs: number): TroupeError {
    return troupeError('DEADLINE_EXCEEDED', `there was no permit within ${waitMs} ms`);
  }
}
