/**
 * The writing end of a virtual log, by the recipe of the real one: one append in flight; what becomes
 * of one without an answer is found out by reading; a refused one is the end of the writer.
 */
import type { LogWriter } from '@troupe/fabric/ports';
import { type Bytes, type LogName, type TroupeError, troupeError } from '@troupe/model';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { Appended } from './log-server.ts';

const answerMsMax = 250;
const pauseMs = 60;

interface Flight {
  readonly records: readonly Bytes[];
  next: number;
  readonly resolve: (position: number) => void;
  readonly reject: (reason: TroupeError) => void;
  /** Tries of the record under way. */
  tries: number;
}

export class VirtualLogWriter implements LogWriter {
  readonly log: LogName;
  readonly #world: World;
  readonly #process: Process;
  readonly #name: string;
  #last: number;
  #count = 0;
  #dead: TroupeError | undefined;

  constructor(world: World, process: Process, log: LogName, last: number) {
    this.#world = world;
    this.#process = process;
    this.log = log;
    this.#name = world.logs.nameWriter(process.name);
    this.#last = last;
  }

  get last(): number {
    return this.#last;
  }

  append(records: readonly Bytes[]): Promise<number> {
    const dead = this.#dead;
    this.#world.timeline.settles();
    if (dead !== undefined) return Promise.reject(dead);
    const promise = new Promise<number>((resolve, reject) => {
      this.#one({ records, next: 0, resolve, reject, tries: 0 });
    });
    if (this.#world.mutant !== 'released-without-waiting') return promise;
    promise.catch(() => undefined);
    return Promise.resolve(this.#last + records.length);
  }

  #one(flight: Flight): void {
    const body = flight.records[flight.next];
    if (body === undefined) {
      this.#world.timeline.settles();
      flight.resolve(this.#last);
      return;
    }
    this.#count += 1;
    flight.tries = 0;
    const { coverage, moments } = this.#world;
    if (flight.next > 0) coverage.reach('a batch spans records');
    moments.tell(flight.next > 0 ? 'rest of a batch' : 'append', this.#process.host.name);
    this.#publish(flight, body, `${this.#name}:${this.#count}`);
  }

  #publish(flight: Flight, body: Bytes, id: string): void {
    const { requests, logs, mutant } = this.#world;
    const expected = mutant === 'unconditional-append' ? {} : { expected: this.#last };
    const more = flight.next + 1 < flight.records.length;
    const append = { id, kind: 'rec', body, more, ...expected } as const;
    let settled = false;
    flight.tries += 1;
    const { tries } = flight;
    requests.ask(
      this.#process,
      'store',
      () => logs.append(this.log, append),
      (answer) => {
        if (settled) return;
        settled = true;
        this.#answered(flight, body, { id, answer, tries });
      },
    );
    this.#process.after(answerMsMax, () => {
      if (settled) return;
      settled = true;
      if (mutant === 'silence-is-success') this.#stored(flight);
      else this.#look(flight, body, { id, answer: undefined });
    });
  }

  #answered(
    flight: Flight,
    body: Bytes,
    tried: { readonly id: string; readonly answer: Appended; readonly tries: number },
  ): void {
    if (typeof tried.answer === 'number') return this.#stored(flight);
    const { mutant } = this.#world;
    if (mutant === 'refused-append-is-skipped') return this.#stored(flight);
    this.#look(flight, body, tried);
  }

  /** What stands where the append was expected. */
  #look(
    flight: Flight,
    body: Bytes,
    tried: { readonly id: string; readonly answer: Appended | undefined },
  ): void {
    const { requests, logs, coverage, mutant } = this.#world;
    requests.untilAnswered(
      this.#process,
      'store',
      () => ({ found: logs.at(this.log, this.#last + 1), end: logs.end(this.log) ?? 0 }),
      ({ found, end }) => {
        if (found === 'gone') return this.#die(flight, 'the log is gone');
        if (found === 'nothing') {
          if (end > this.#last) return this.#die(flight, 'others have written beyond its place');
          coverage.reach('an append without an answer was lost');
          this.#process.after(pauseMs, () => this.#publish(flight, body, tried.id));
          return;
        }
        if (found.id === tried.id) {
          if (tried.answer === 'refused') coverage.reach('a late twin of an append is refused');
          else coverage.reach('an append without an answer was stored');
          return this.#stored(flight);
        }
        if (mutant === 'refused-append-is-retried') {
          this.#last = end;
          return this.#publish(flight, body, tried.id);
        }
        this.#die(flight, 'another writer or a seal stands at its place');
      },
    );
  }

  #stored(flight: Flight): void {
    this.#last += 1;
    flight.next += 1;
    this.#one(flight);
  }

  #die(flight: Flight, why: string): void {
    const { coverage, timeline } = this.#world;
    const journal = this.log.startsWith('journal');
    coverage.reach(
      journal
        ? 'a deposed leader is refused by the journal'
        : 'a fenced node is refused by its log',
    );
    const text = `an append to log ${this.log} after position ${this.#last} failed: ${why}`;
    this.#dead ??= troupeError('DEPOSED', text, { log: this.log, last: this.#last });
    timeline.settles();
    flight.reject(this.#dead);
  }
}
