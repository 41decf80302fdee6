/** Time and chance of the clients of a test cluster. A client that waits has a timer set. */
import type { Platform } from '@troupe/sdk/door';
import type { Process, Random } from '@troupe/virtual';

export class TestPlatform implements Platform {
  readonly #process: Process;
  readonly #chance: Random;
  readonly #onWait: () => void;
  #timers = 0;

  constructor(process: Process, chance: Random, onWait: () => void) {
    this.#process = process;
    this.#chance = chance;
    this.#onWait = onWait;
  }

  get waits(): boolean {
    return this.#timers > 0;
  }

  now(): number {
    return this.#process.now();
  }

  after(ms: number, fire: () => void): () => void {
    let set = true;
    const unset = (): void => {
      if (set) this.#timers -= 1;
      set = false;
    };
    this.#timers += 1;
    const cancel = this.#process.routine(ms, () => {
      unset();
      fire();
    });
    this.#onWait();
    return () => {
      unset();
      cancel();
    };
  }

  soon(run: () => void): void {
    this.#process.soon(run);
    this.#onWait();
  }

  sinceBoot(): number {
    return this.#process.now();
  }

  newId(): string {
    const part = (): string =>
      Math.floor(this.#chance.next() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return `${part()}-${part()}${part()}`;
  }

  chance(): number {
    return this.#chance.next();
  }
}
