/**
 * How an incarnation enters the cell: it says `join` to whoever leads until it is answered.
 *
 * J1  nothing of the node runs before `welcome`, which says that its turn log stands open.
 */
import type { Bus, Clock } from '@troupe/fabric';
import { type Join, type JoinRefused, TroupeError, type Welcome } from '@troupe/model';

const joinMs = 500;

export interface JoinStart {
  readonly bus: Bus;
  readonly leader: string;
  readonly clock: Clock;
  readonly join: Join;
}

export class Joining {
  readonly #start: JoinStart;
  #cancel: (() => void) | undefined;
  #settle: { resolve(welcome: Welcome): void; reject(reason: Error): void } | undefined;

  constructor(start: JoinStart) {
    this.#start = start;
  }

  /** Resolves with the welcome; rejects with the failure of a refusal. */
  welcomed(): Promise<Welcome> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#say();
    });
  }

  /** An answer of the leader; only the first one counts. */
  hear(answer: Welcome | JoinRefused): void {
    this.stop();
    if (answer.kind === 'welcome') this.#settle?.resolve(answer);
    else this.#settle?.reject(new TroupeError(answer.failure));
    this.#settle = undefined;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #say(): void {
    const { bus, leader, join, clock } = this.#start;
    bus.send(leader, join);
    this.#cancel = clock.after(joinMs, () => this.#say());
  }
}
