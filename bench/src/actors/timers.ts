/** Timers that wait: what they cost, and how late others come beside them. */
import { makeBed } from '../bed.ts';
import { type Spread, spread } from '../figures.ts';
import { table } from '../table.ts';
import { Bell } from './ballast.ts';
import { ballast } from './bundle.ts';
import { Footprint, type Held } from './footprint.ts';
import { forEach, ms, type Part, until, whole } from './part.ts';

interface TimersLine {
  readonly bench: 'timers';
  readonly timers: number;
  readonly setPerSecond: number;
  /** Bytes for each timer that waits. */
  readonly schedulerBytes: number;
  readonly nodeBytes: number;
  /** So many that were due in one millisecond, while the others waited. */
  readonly herd: number;
  readonly lateMs: Spread;
}

const timersOfActor = 1_000;
const farMs = 86_400_000;
const herdActors = 10;
const herdInMs = 15_000;

async function measure(timers: number): Promise<TimersLine> {
  const footprint = new Footprint();
  const bed = await makeBed(footprint.options(1), ballast);
  const { troupe, cluster } = bed;
  try {
    const bell = (key: string) => troupe.actor(Bell, key, { deadlineMs: 300_000 });
    await bell('first').wind(1, Date.now() + farMs);
    const before = await footprint.of(cluster);
    const actors = Math.ceil(timers / timersOfActor);
    const began = performance.now();
    await forEach(actors, (n) => bell(`b${n}`).wind(timersOfActor, Date.now() + farMs));
    await until('the leader knows of all timers', async () => {
      return (await troupe.timers({ limit: 1 })).total >= timers;
    });
    const setPerSecond = Math.round((timers * 1_000) / (performance.now() - began));
    const after = await footprint.of(cluster);
    const at = Date.now() + herdInMs;
    const herd = Array.from({ length: herdActors }, (_, n) => bell(`herd${n}`));
    await Promise.all(herd.map((one) => one.wind(timersOfActor, at)));
    if (Date.now() >= at) throw new Error('it took too long to set the timers of the herd');
    const late: number[] = [];
    for (const one of herd) {
      await until('all have rung', async () => (await one.lateMs()).length >= timersOfActor);
      late.push(...(await one.lateMs()));
    }
    const each = (of: keyof Held) => Math.round((after[of] - before[of]) / timers);
    const bytes = { schedulerBytes: each('schedulers'), nodeBytes: each('nodes') };
    const lateMs = spread(late);
    return { bench: 'timers', timers, setPerSecond, ...bytes, herd: late.length, lateMs };
  } finally {
    await bed.stop();
    footprint.end();
  }
}

const explained = `Timers that are due a day later, 1,000 in one turn of each actor, until the leader has journaled them all;
then a herd that is due in one millisecond. Bytes: heaps after garbage collection; the actors are in memory.`;

export const timers: Part<TimersLine> = {
  name: (count) => `${count} timers`,
  sizes: [100_000, 1_000_000],
  quickSizes: [10_000],
  measure,
  text: (lines) => [
    explained,
    table(
      ['timers', 'set', 'scheduler', 'node', 'herd', 'late p50', 'p99', 'max'],
      lines.map(({ lateMs, ...line }) => [
        whole(line.timers),
        `${whole(line.setPerSecond)}/s`,
        `${whole(line.schedulerBytes)} B`,
        `${whole(line.nodeBytes)} B`,
        whole(line.herd),
        ...[lateMs.p50, lateMs.p99, lateMs.max].map(ms),
      ]),
    ),
  ],
};
