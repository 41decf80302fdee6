/**
 * One run of the suite: a cluster, the load on it, rounds of faults with time to heal between them,
 * and at the end the final states, all in one history.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BadWords } from './cluster/bad-words.ts';
import { startSampling } from './cluster/samples.ts';
import { lookAround, type Setting, said } from './cluster/setting.ts';
import { dataDirOf, logDirOf, openStage } from './cluster/stage.ts';
import { Conductor } from './conductor.ts';
import { timesDue } from './faults/due.ts';
import { disksFor, type FaultKind, lastKind, unavailable } from './faults/kinds.ts';
import { type Round, rounds } from './faults/schedule.ts';
import { type History, HistoryWriter } from './history/history.ts';
import { Random } from './random.ts';
import { type Load, startLoad, workloads } from './workloads/load.ts';
import { Pace, startPacing, timesNow } from './workloads/pace.ts';

export interface ChaosOptions {
  readonly seed: string;
  /** How long rounds of faults go on (U2). */
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

export function historyFileOf(dir: string): string {
  return join(dir, 'history.jsonl');
}

/** Of the kinds that were asked for none can be had here: nothing was done. */
export class NoFaultsError extends Error {}

export async function runChaos(options: ChaosOptions): Promise<History> {
  const { dir, seed, forMs, nodes, schedulers, place, say } = options;
  const setting = await lookAround({
    nodes,
    schedulers,
    ...(place === undefined ? {} : { place }),
  });
  const missing = unavailable(setting, options.kinds);
  const kinds = options.kinds.filter((kind) => !missing.has(kind));
  if (kinds.every((kind) => kind === lastKind)) {
    const why = [...missing].map(([kind, reason]) => `${kind} (${reason})`).join(', ');
    throw new NoFaultsError(`nothing that was asked for can be had here: ${why}`);
  }
  mkdirSync(dir, { recursive: true });
  const file = historyFileOf(dir);
  // Of an earlier run here.
  const old = existsSync(file) ? [dataDirOf(dir), logDirOf(dir)] : [];
  for (const folder of old) rmSync(folder, { recursive: true, force: true });
  const writer = new HistoryWriter(file);
  const leftOut = [...setting.lacks, ...[...missing].map(([kind, why]) => `${kind}: ${why}`)];
  const at = new Date().toISOString();
  const where = said(setting);
  say(where);
  for (const what of leftOut) say(`left out: ${what}`);
  const { etcds, natsServers } = setting;
  const counts = { nodes, schedulers, etcds, natsServers };
  const atWork = workloads.map(({ name }) => name);
  const told = { where, kinds, leftOut, workloads: atWork };
  writer.write({ kind: 'begin', seed, at, forMs, ...counts, ...told });
  const alarm = (what: string) => {
    say(`ALARM: ${what}`);
    writer.alarm(what);
  };
  await play({ ...options, kinds }, setting, writer, alarm);
  rmSync(dataDirOf(dir), { recursive: true, force: true, maxRetries: 3 });
  return writer.close();
}

async function play(
  { dir, seed, forMs, kinds, pace: asked, say }: ChaosOptions,
  setting: Setting,
  writer: HistoryWriter,
  alarm: (what: string) => void,
): Promise<void> {
  const random = new Random(seed);
  const disks = disksFor(kinds, setting);
  const upgrades = kinds.includes('upgrade');
  const stage = await openStage({ setting, dir, disks, upgrades, alarm, say });
  const stopSampling = startSampling(stage, writer);
  const pace = new Pace(asked, timesNow());
  const stopPacing = startPacing(pace, (share) =>
    writer.write({ kind: 'pace', at: writer.now(), share }),
  );
  try {
    const { bundle, cluster } = stage;
    const { addresses } = cluster;
    const { nodes } = setting;
    const load = await startLoad({ addresses, nodes, bundle, random, writer, pace });
    const conductor = new Conductor(stage, writer, alarm, say);
    const dealt = kinds.filter((kind) => kind !== lastKind);
    const plan = rounds(random.fork('rounds'), dealt, conductor.givenBack);
    const badWords = new BadWords(logDirOf(dir));
    const whole = await conductor.play(plan, { forMs, kinds: dealt }, random.fork('targets'));
    if (whole && kinds.includes(lastKind)) {
      await stage.bringLogs();
      badWords.look().forEach(alarm);
      badWords.olderData = true;
      const asOften = { forMs: Number.POSITIVE_INFINITY, kinds: [] };
      await conductor.play(lastRounds(forMs), asOften, random.fork('last'));
    }
    await finish(load, { alarm, say, stopSampling });
    await load.close();
    await stage.bringLogs();
    badWords.look().forEach(alarm);
  } finally {
    stopPacing();
    stopSampling();
    await stage.close();
  }
}

interface Finish {
  readonly alarm: (what: string) => void;
  readonly say: (line: string) => void;
  readonly stopSampling: () => void;
}

async function finish(load: Load, { alarm, say, stopSampling }: Finish): Promise<void> {
  say('no more faults; waiting for the last answers');
  const open = await load.stop();
  // To read every state brings every actor into memory: that is not growth.
  stopSampling();
  if (open > 0) alarm(`${open} operations were never answered`);
  say('reading the final states');
  await load.readFinals().catch((reason: unknown) => {
    alarm(`the final states could not be read: ${String(reason)}`);
  });
}

function lastRounds(forMs: number): readonly Round[] {
  const times = Math.max(1, timesDue(forMs));
  return Array.from({ length: times }, () => [{ kind: lastKind, afterMs: 0, lastsMs: 0 }]);
}
