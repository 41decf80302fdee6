/** How long an actor answers nobody while it moves to another node: by the size of its state. */
import type { Cluster } from '@troupe/cli';
import type { Troupe } from '@troupe/sdk';
import { type Spread, spread } from '../figures.ts';
import { Ballast } from './ballast.ts';

export interface PauseLine {
  readonly bench: 'migration pause';
  readonly state: string;
  /** The longest answer to a caller that asks all the time, while the actor moves. */
  readonly pauseMs: Spread;
  /** The same when it stays. */
  readonly usualMs: Spread;
  /** From the wish to the answer that it is there. */
  readonly moveMs: Spread;
}

export const sizes = { '1 KB': 1, '1 MB': 1_000, '50 MB': 50_000 } as const;
type Size = keyof typeof sizes;

/** Notes of one turn: its change must fit into a record. */
const notesMax = 500;
const settleMs = 300;

export async function migrationPause(
  { cluster, troupe }: { readonly cluster: Cluster; readonly troupe: Troupe },
  state: Size,
  moves: number,
): Promise<PauseLine> {
  const key = state.replace(' ', '');
  const actor = troupe.actor(Ballast, key, { deadlineMs: 60_000 });
  await actor.add();
  const notes = sizes[state];
  for (let at = 0; at < notes; at += notesMax) await actor.load(Math.min(notesMax, notes - at));
  const calls = new Caller(() => actor.add());
  const usual: number[] = [];
  const pauses: number[] = [];
  const took: number[] = [];
  const moveTo = async (to: string) => {
    const before = performance.now();
    const { state: now } = await troupe.migrate('Ballast', key, { to, waitMs: 60_000 });
    took.push(performance.now() - before);
    if (now === 'under-way') throw new Error(`${key} did not move to ${to} within a minute`);
    await pause(settleMs);
  };
  try {
    // Every node has had its runners started: a cold one would be measured instead.
    for (const { name } of cluster.nodes) await moveTo(name);
    took.length = 0;
    for (let move = 0; move < moves; move++) {
      usual.push(await calls.longestDuring(() => pause(settleMs)));
      const { name = '' } = cluster.nodes[move % cluster.nodes.length] ?? {};
      pauses.push(await calls.longestDuring(() => moveTo(name)));
    }
  } finally {
    await calls.stop();
  }
  const [pauseMs, usualMs, moveMs] = [pauses, usual, took].map(spread) as [Spread, Spread, Spread];
  return { bench: 'migration pause', state, pauseMs, usualMs, moveMs };
}

/** Asks again as soon as it is answered, and remembers how long it waited. */
class Caller {
  #longest = 0;
  #stopped = false;
  readonly #all: Promise<void>;

  constructor(call: () => Promise<unknown>) {
    this.#all = this.#loop(call);
  }

  async longestDuring(act: () => Promise<unknown>): Promise<number> {
    this.#longest = 0;
    await act();
    return this.#longest;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }

  async #loop(call: () => Promise<unknown>): Promise<void> {
    while (!this.#stopped) {
      const before = performance.now();
      await call();
      this.#longest = Math.max(this.#longest, performance.now() - before);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
