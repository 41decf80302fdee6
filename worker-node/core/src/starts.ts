/**
 * States that runners are making or reading: a runner makes one after another, so that the first one it was
 * given is the one that keeps all others waiting.
 *
 * ST1 a state that is not there in time costs its runner, and whoever it was for fails once that was alone
 *     (T4); who waited behind it is brought into memory elsewhere.
 */
import { type Failure, failure, limits } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';

interface Line {
  /** Monotonic ms since when the first of them is under way. */
  since: number;
  /** Whether each is made by the `state` function, in the order in which they were given. */
  readonly starts: Map<Activation, boolean>;
}

export class Starts {
  readonly #core: Core;
  readonly #lines = new Map<RunnerId, Line>();
  /** Why their runners were killed. */
  readonly #overdue = new Map<Activation, Failure>();

  constructor(core: Core) {
    this.#core = core;
  }

  begins(activation: Activation, runner: RunnerId, isMade: boolean): void {
    const line = this.#lines.get(runner) ?? { since: this.#core.now, starts: new Map() };
    this.#lines.set(runner, line);
    line.starts.set(activation, isMade);
  }

  ended(activation: Activation, runner: RunnerId): void {
    const line = this.#lines.get(runner);
    if (line === undefined) return;
    const [first] = line.starts.keys();
    if (first === activation) line.since = this.#core.now;
    line.starts.delete(activation);
    if (line.starts.size === 0) this.#lines.delete(runner);
  }

  onRunnerExited(runner: RunnerId): void {
    this.#lines.delete(runner);
  }

  /** Why its runner was killed, if its state was what took too long. It is said once. */
  takeOverdue(activation: Activation): Failure | undefined {
    const reason = this.#overdue.get(activation);
    this.#overdue.delete(activation);
    return reason;
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const [runner, { since, starts }] of this.#lines) {
      if (this.#core.now - since < limits.startMsMax) continue;
      this.#lines.delete(runner);
      const [first] = starts;
      if (first !== undefined) this.#overdue.set(first[0], tookTooLong(first[0], first[1]));
      this.#core.out.work({ kind: 'kill-runner', runner });
    }
  }
}

function tookTooLong({ id: actor }: Activation, isMade: boolean): Failure {
  const limitMs = limits.startMsMax;
  const why = `${limitMs} ms and blocked its runner, which was killed`;
  if (isMade) {
    const text = `the \`state\` function of ${actor} did not return within ${why}`;
    return failure('CONSTRUCTOR_FAILED', text, { actor, limitMs });
  }
  const text = `bringing ${actor} into memory took longer than ${why}`;
  return failure('TIME_LIMIT', text, { actor, limitMs });
}
