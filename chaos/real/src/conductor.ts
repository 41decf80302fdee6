/**
 * Plays rounds of faults on a cluster under load, and measures each fault from its beginning until
 * everybody has been served again.
 *
 * X1  after each round the cluster is whole and every workload goes on, within a bound; else the
 *     run raises an alarm and ends.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Pulse, pulseOf } from './cluster/pulse.ts';
import type { Stage } from './cluster/stage.ts';
import { goesOn, owedKinds, timesDue } from './faults/due.ts';
import { type FaultKind, faultOf } from './faults/kinds.ts';
import type { Planned, Round } from './faults/schedule.ts';
import type { FaultLine, HistoryWriter } from './history/history.ts';
import type { Random } from './random.ts';
import { counters } from './workloads/counters.ts';
import { workloads } from './workloads/load.ts';

/** A round of everything ends in less, also where a slow machine starts processes. */
const healMsMax = 90_000;
/** A fault that cannot be undone in so long is no longer one. */
const roundMsMax = 240_000;
const calmMs = [300, 1_500] as const;
/** How it is without faults, to compare with. */
const firstCalmMs = 4_000;

/** How long rounds begin, and the kinds that are due in it. */
export interface Span {
  readonly forMs: number;
  readonly kinds: readonly FaultKind[];
}

export class Conductor {
  readonly #stage: Stage;
  readonly #writer: HistoryWriter;
  readonly #alarm: (what: string) => void;
  readonly #say: (line: string) => void;
  readonly #callers: Pulse;
  readonly #workloads: Pulse;
  #number = 0;
  readonly #faults: FaultLine[] = [];
  /** Kinds that befell nobody when they came: they are to come again. */
  readonly givenBack: FaultKind[] = [];

  constructor(
    stage: Stage,
    writer: HistoryWriter,
    alarm: (what: string) => void,
    say: (line: string) => void,
  ) {
    this.#stage = stage;
    this.#writer = writer;
    this.#alarm = alarm;
    this.#say = say;
    const callers = Array.from({ length: counters.clients }, (_, at) => `${counters.name}${at}`);
    this.#callers = pulseOf(writer, callers, ({ client }) => client);
    const names = workloads.map(({ name }) => name);
    this.#workloads = pulseOf(writer, names, ({ workload }) => workload);
  }

  /** False when the cluster did not heal from one of the rounds. */
  async play(plan: Iterable<Round>, { forMs, kinds }: Span, random: Random): Promise<boolean> {
    if (this.#number === 0) {
      if (!(await this.#healed('the start'))) return false;
      await pause(firstCalmMs);
    }
    const from = this.#writer.now();
    let beyond = false;
    for (const round of plan) {
      const ms = this.#writer.now() - from;
      const owed = owedKinds(kinds, this.#faults, timesDue(forMs)).map(({ kind }) => kind);
      if (!goesOn(ms, forMs, owed.length)) return true;
      if (ms >= forMs && !beyond) this.#say(`the time is up, but not for ${owed.join(', ')}`);
      beyond = ms >= forMs;
      this.#number += 1;
      if (!(await this.#round(round, this.#number, random))) return false;
      await pause(random.between(...calmMs));
    }
    return true;
  }

  /** False when the cluster did not heal from it. */
  async #round(round: Round, number: number, random: Random): Promise<boolean> {
    const named = `round ${number} (${round.map(({ kind }) => kind).join(' + ')})`;
    this.#say(named);
    const measured = round.map((planned, order) =>
      this.#inflict(planned, { round: number, order }, random.fork(`${number}.${order}`)),
    );
    if (await within(Promise.all(measured), roundMsMax)) return this.#healed(named);
    this.#alarm(`${named} did not end within ${roundMsMax / 1_000} s`);
    return false;
  }

  /** One fault from its beginning until everybody has been served again. */
  async #inflict(
    planned: Planned,
    place: Pick<FaultLine, 'round' | 'order'>,
    random: Random,
  ): Promise<void> {
    await pause(planned.afterMs);
    const from = this.#writer.now();
    const recovered = this.#callers.since(from, planned.lastsMs + healMsMax);
    const base = { kind: 'fault', fault: planned.kind, ...place, from } as const;
    const injected = await faultOf(planned.kind).inject(this.#stage, random);
    if (injected === undefined) {
      const until = this.#writer.now();
      const skipped = 'there was nobody to do it to';
      this.givenBack.push(planned.kind);
      this.#say(`${planned.kind} is skipped: ${skipped}`);
      this.#write({ ...base, target: '', until, skipped });
      return;
    }
    const { target } = injected;
    this.#say(`${planned.kind}: ${target}`);
    await pause(planned.lastsMs);
    await injected.undo();
    const until = this.#writer.now();
    const befallen = injected.befallen?.();
    // F3
    if (befallen === 0) {
      this.givenBack.push(planned.kind);
      this.#write({ ...base, target, until, befallen, skipped: 'it befell nothing' });
      return;
    }
    const recoveredMs = await recovered;
    const measured = recoveredMs === undefined ? {} : { recoveredMs: Math.round(recoveredMs) };
    const counted = befallen === undefined ? {} : { befallen };
    this.#write({ ...base, target, until, ...counted, ...measured });
  }

  #write(line: FaultLine): void {
    this.#faults.push(line);
    this.#writer.write(line);
  }

  /** X1 */
  async #healed(after: string): Promise<boolean> {
    const seconds = healMsMax / 1_000;
    if (!(await this.#stage.whole(healMsMax))) {
      this.#alarm(`${seconds} s after ${after} the cluster is not whole`);
      return false;
    }
    const served = await this.#workloads.since(this.#writer.now(), healMsMax);
    if (served !== undefined) return true;
    this.#alarm(`${seconds} s after ${after} not every workload goes on`);
    return false;
  }
}

/** False when it takes longer. */
async function within(done: Promise<unknown>, msMax: number): Promise<boolean> {
  const giveUp = new AbortController();
  const late = pause(msMax, false, { signal: giveUp.signal }).catch(() => false);
  const ended = await Promise.race([done.then(() => true), late]);
  giveUp.abort();
  return ended;
}
