/**
 * One run of the suite: a cluster, the load on it, rounds of faults with time to heal between them,
 * and at the end the final states, all in one history.
 *
 * X1  after each round the cluster is whole and every workload goes on, within a bound; else the
 *     run raises an alarm and ends.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Pulse, pulseOf } from './cluster/pulse.ts';
import { startSampling } from './cluster/samples.ts';
import { lookAround, type Setting, said } from './cluster/setting.ts';
import { dataDirOf, logDirOf, openStage, type Stage } from './cluster/stage.ts';
import { disksFor, type FaultKind, faultOf, unavailable } from './faults/kinds.ts';
import { type Planned, type Round, rounds } from './faults/schedule.ts';
import { type History, HistoryWriter } from './history/history.ts';
import { Random } from './random.ts';
import { counters } from './workloads/counters.ts';
import { type Load, startLoad, workloads } from './workloads/load.ts';

export interface ChaosOptions {
  readonly seed: string;
  /** How long rounds of faults go on. */
  readonly forMs: number;
  readonly nodes: number;
  readonly schedulers: number;
  readonly kinds: readonly FaultKind[];
  /** History, logs and data. */
  readonly dir: string;
  readonly pace: number;
  /** Machines of their own where they can be had, when absent. */
  readonly place?: Setting['place'];
  readonly say: (line: string) => void;
}

/** A round of everything ends in less, also where a slow machine starts processes. */
const healMsMax = 90_000;
/** A fault that cannot be undone in so long is no longer one. */
const roundMsMax = 240_000;
const calmMs = [300, 1_500] as const;
/** How it is without faults, to compare with. */
const firstCalmMs = 4_000;
/** What a log must not say. */
const badWords = /invariant broken|this is a bug|LOG_CORRUPT/i;

export async function runChaos(options: ChaosOptions): Promise<History> {
  const { dir, seed, forMs, nodes, schedulers, place, say } = options;
  mkdirSync(dir, { recursive: true });
  // Of an earlier run here; what that one proved stands in its history.
  for (const old of [dataDirOf(dir), logDirOf(dir)]) rmSync(old, { recursive: true, force: true });
  const writer = new HistoryWriter(join(dir, 'history.jsonl'));
  const setting = await lookAround({
    nodes,
    schedulers,
    ...(place === undefined ? {} : { place }),
  });
  const missing = unavailable(setting, options.kinds);
  const kinds = options.kinds.filter((kind) => !missing.has(kind));
  const leftOut = [...setting.lacks, ...[...missing].map(([kind, why]) => `${kind}: ${why}`)];
  const at = new Date().toISOString();
  const where = said(setting);
  say(where);
  for (const what of leftOut) say(`left out: ${what}`);
  writer.write({ kind: 'begin', seed, at, forMs, nodes, schedulers, where, kinds, leftOut });
  const alarm = (what: string) => {
    say(`ALARM: ${what}`);
    writer.alarm(what);
  };
  await play({ ...options, kinds }, setting, writer, alarm);
  for (const words of readBadWords(logDirOf(dir))) alarm(words);
  rmSync(dataDirOf(dir), { recursive: true, force: true, maxRetries: 3 });
  return writer.close();
}

async function play(
  { dir, seed, forMs, kinds, pace, say }: ChaosOptions,
  setting: Setting,
  writer: HistoryWriter,
  alarm: (what: string) => void,
): Promise<void> {
  const random = new Random(seed);
  const disks = disksFor(kinds, setting);
  const upgrades = kinds.includes('upgrade');
  const stage = await openStage({ setting, dir, disks, upgrades, alarm, say });
  const stopSampling = startSampling(stage, writer);
  try {
    const { bundle, cluster } = stage;
    const load = await startLoad({ addresses: cluster.addresses, bundle, random, writer, pace });
    const conductor = new Conductor(stage, writer, alarm, say);
    const plan = rounds(random.fork('rounds'), kinds, conductor.givenBack);
    await conductor.play(plan, { forMs, random: random.fork('targets') });
    await finish(load, alarm, say);
    await load.close();
  } finally {
    stopSampling();
    await stage.close();
  }
}

async function finish(load: Load, alarm: (what: string) => void, say: (line: string) => void) {
  say('no more faults; waiting for the last answers');
  const open = await load.stop();
  if (open > 0) alarm(`${open} operations were never answered`);
  say('reading the final states');
  await load.readFinals().catch((reason: unknown) => {
    alarm(`the final states could not be read: ${String(reason)}`);
  });
}

class Conductor {
  readonly #stage: Stage;
  readonly #writer: HistoryWriter;
  readonly #alarm: (what: string) => void;
  readonly #say: (line: string) => void;
  readonly #callers: Pulse;
  readonly #workloads: Pulse;
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

  async play(
    plan: Iterable<Round>,
    { forMs, random }: { readonly forMs: number; readonly random: Random },
  ): Promise<void> {
    if (!(await this.#healed('the start'))) return;
    await pause(firstCalmMs);
    const end = this.#writer.now() + forMs;
    let number = 0;
    for (const round of plan) {
      if (this.#writer.now() >= end) return;
      number += 1;
      const named = round.map(({ kind }) => kind).join(' + ');
      this.#say(`round ${number}: ${named}`);
      const measured = round.map((planned, at) =>
        this.#inflict(planned, number, random.fork(`${number}.${at}`)),
      );
      if (!(await within(Promise.all(measured), roundMsMax))) {
        this.#alarm(`round ${number} (${named}) did not end within ${roundMsMax / 1_000} s`);
        return;
      }
      if (!(await this.#healed(`round ${number} (${named})`))) return;
      await pause(random.between(...calmMs));
    }
  }

  /** One fault from its beginning until everybody has been served again. */
  async #inflict(planned: Planned, round: number, random: Random): Promise<void> {
    await pause(planned.afterMs);
    const from = this.#writer.now();
    const recovered = this.#callers.since(from, planned.lastsMs + healMsMax);
    const base = { kind: 'fault', fault: planned.kind, round, from } as const;
    const injected = await faultOf(planned.kind).inject(this.#stage, random);
    if (injected === undefined) {
      const until = this.#writer.now();
      const skipped = 'there was nobody to do it to';
      this.givenBack.push(planned.kind);
      this.#say(`${planned.kind} is skipped: ${skipped}`);
      this.#writer.write({ ...base, target: '', until, skipped });
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
      this.#writer.write({ ...base, target, until, befallen, skipped: 'it befell nothing' });
      return;
    }
    const recoveredMs = await recovered;
    const measured = recoveredMs === undefined ? {} : { recoveredMs: Math.round(recoveredMs) };
    const counted = befallen === undefined ? {} : { befallen };
    this.#writer.write({ ...base, target, until, ...counted, ...measured });
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

/** Lines of the processes' logs that tell of a bug; of each log the first. */
function readBadWords(dir: string): string[] {
  return readdirSync(dir).flatMap((file) => {
    const lines = readFileSync(join(dir, file), 'utf8').split('\n');
    const bad = lines.find((line) => badWords.test(line));
    return bad === undefined ? [] : [`${file} says: ${bad.slice(0, 400)}`];
  });
}
