/** What a process does with logs beside writing its own: all of it repeated until it is answered. */
import type { Bytes, LogName } from '@troupe/model';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { Stored } from './log-server.ts';

export class LogAccess {
  readonly #world: World;
  readonly #process: Process;

  constructor(world: World, process: Process) {
    this.#world = world;
    this.#process = process;
  }

  create(log: LogName, opening: Bytes, done: () => void): void {
    const { logs } = this.#world;
    this.#ask(
      () => logs.create(log, opening, this.#process.name),
      () => done(),
    );
  }

  /** Reads whether it is sealed, seals it if not, and reads again. */
  seal(log: LogName, by: Bytes, done: (position: number) => void): void {
    const { logs, requests, mutant } = this.#world;
    this.#ask(
      () => ({ sealed: logs.seal(log), end: logs.end(log) ?? 0 }),
      ({ sealed, end }) => {
        if (sealed !== undefined) return done(sealed);
        if (mutant === 'placed-without-a-seal') return done(end + 1);
        this.#world.moments.tell('seal', this.#process.host.name);
        requests.ask(
          this.#process,
          'store',
          () => logs.append(log, { id: `${this.#process.name}|seal`, kind: 'seal', body: by }),
          () => undefined,
        );
        if (mutant === 'seal-is-not-read-back') return done(end + 1);
        this.#process.after(sealLookMs, () => this.seal(log, by, done));
      },
    );
  }

  /** The end of a log that can be written, or that it cannot. */
  writable(log: LogName, done: (end: number | undefined) => void): void {
    const { logs } = this.#world;
    this.#ask(() => (logs.seal(log) === undefined ? logs.end(log) : undefined), done);
  }

  read(
    log: LogName,
    from: number,
    to: number | undefined,
    done: (r: Stored[] | 'gone') => void,
  ): void {
    this.#ask(
      () => this.#world.logs.read(log, from, to),
      (records) => {
        if (!log.startsWith('journal')) this.#world.trace?.read(log, this.#process.name);
        done(records);
      },
    );
  }

  trim(log: LogName, before: number): void {
    this.#ask(
      () => this.#world.logs.trim(log, before),
      () => undefined,
    );
  }

  delete(log: LogName, done: () => void): void {
    this.#ask(() => this.#world.logs.delete(log), done);
  }

  #ask<T>(act: () => T, heard: (answer: T) => void): void {
    this.#world.requests.untilAnswered(this.#process, 'store', act, heard);
  }
}

const sealLookMs = 20;
