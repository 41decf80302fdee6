/** Throughput and latency while nothing breaks. */

import { Counter, chain, fanOut, noop } from './agents.ts';
import type { Bed } from './bed.ts';
import { spread, sustain } from './figures.ts';

export interface Result {
  readonly bench: string;
  readonly [figure: string]: unknown;
}

export interface Effort {
  /** How long each sustained load lasts. */
  readonly ms: number;
  readonly runs: number;
  readonly kills: number;
}

export async function callOneInFlight({ troupe }: Bed, { ms }: Effort): Promise<Result> {
  const counter = troupe.actor(Counter, 'single');
  await sustain(1, ms / 5, () => counter.add(1));
  return { bench: 'actor call, 1 in flight', ...(await sustain(1, ms, () => counter.add(1))) };
}

export async function readOneInFlight({ troupe }: Bed, { ms }: Effort): Promise<Result> {
  const counter = troupe.actor(Counter, 'single');
  return { bench: 'actor read, 1 in flight', ...(await sustain(1, ms, () => counter.get())) };
}

export async function hundredActors({ troupe }: Bed, { ms }: Effort): Promise<Result> {
  const counters = Array.from({ length: 100 }, (_, n) => troupe.actor(Counter, `many${n}`));
  const once = (lane: number) => counters[lane]?.add(1) ?? Promise.resolve();
  await sustain(100, ms / 3, once);
  return { bench: '100 actors, 100 in flight', ...(await sustain(100, ms, once)) };
}

export async function hotActor({ troupe }: Bed, { ms }: Effort): Promise<Result> {
  const counter = troupe.actor(Counter, 'hot');
  await sustain(100, ms / 3, () => counter.add(1));
  return { bench: 'one actor, 100 in flight', ...(await sustain(100, ms, () => counter.add(1))) };
}

export async function manyTasks({ troupe }: Bed, { ms }: Effort): Promise<Result> {
  await sustain(500, ms / 3, (lane) => troupe.task(noop, lane));
  return {
    bench: 'no-op tasks, 500 in flight',
    ...(await sustain(500, ms, (lane) => troupe.task(noop, lane))),
  };
}

export async function oneTask({ troupe }: Bed, { ms }: Effort): Promise<Result> {
  return {
    bench: 'no-op task, 1 in flight',
    ...(await sustain(1, ms, () => troupe.task(noop, 1))),
  };
}

export async function fanOutAndJoin({ troupe }: Bed, { runs }: Effort): Promise<Result> {
  const items = Array.from({ length: 1_000 }, (_, n) => n);
  return timed('fan-out of 1,000 and join', runs, async () => {
    await (await troupe.start(fanOut, { items })).result();
  });
}

export async function chainOfHundred({ troupe }: Bed, { runs }: Effort): Promise<Result> {
  return timed('chain of 100', runs, async () => {
    await (await troupe.start(chain, { from: 1 })).result();
  });
}

async function timed(bench: string, runs: number, once: () => Promise<void>): Promise<Result> {
  await once();
  const samples: number[] = [];
  for (let run = 0; run < runs; run++) {
    const before = performance.now();
    await once();
    samples.push(performance.now() - before);
  }
  return { bench, latencyMs: spread(samples) };
}
