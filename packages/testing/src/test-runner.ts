/**
 * A runner process of a test cluster: the code of the real one, in the process of the test. It cannot be
 * killed, so that user code may run on in one that is dead; but nothing of it is heard any more.
 */
import type { FromRunner, ResolvedSecrets, ToRunner } from '@troupe/model';
import type { Definitions } from '@troupe/sdk/internal';
import type { Process, RunnerStart } from '@troupe/virtual';
import { Runner } from '@troupe/worker-node-runner/runner';

export interface RunnerEvents {
  /** Before user code may run. */
  onUserCode(): void;
  /** Promises of user code may be settled by what was just done. */
  settles(): void;
}

export class TestRunner {
  readonly #process: Process;
  readonly #runner: Runner;
  readonly #events: RunnerEvents;
  readonly #secrets: ResolvedSecrets;

  constructor(
    definitions: Definitions,
    { process, emit }: RunnerStart,
    events: RunnerEvents,
    secrets: ResolvedSecrets,
  ) {
    this.#secrets = secrets;
    this.#process = process;
    this.#events = events;
    const heard = (frame: FromRunner): void => {
      events.onUserCode();
      emit(frame);
    };
    this.#runner = new Runner(definitions, heard, {
      wall: () => process.wall(),
      after: (ms, fire) =>
        process.after(ms, () => {
          this.#enter();
          fire();
        }),
    });
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  get engaged(): boolean {
    return this.alive && !this.#process.still && this.#runner.engaged;
  }

  hear(frame: ToRunner): void {
    this.#enter();
    this.#runner.take(frame.kind === 'config' ? { ...frame, secrets: this.#secrets } : frame);
  }

  #enter(): void {
    this.#events.onUserCode();
    this.#events.settles();
  }
}
