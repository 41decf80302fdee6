/** How long an actor answers nobody while it moves to another node: by the size of its state. */
import { type Bed, makeBed } from '../bed.ts';
import { type Spread, spread } from '../figures.ts';
import { table } from '../table.ts';
import { Ballast } from './ballast.ts';
import { ballast } from './bundle.ts';
import { ms, type Part, pause, whole } from './part.ts';

interface PauseLine {
  readonly bench: 'migration pause';
  readonly stateKb: number;
  /** The longest answer to a caller that asks all the time, while the actor moves. */
  readonly pauseMs: Spread;
  /** The same when it stays. */
  readonly usualMs: Spread;
  /** From the wish to the answer that it is there. */
  readonly moveMs: Spread;
}

/** Notes of one turn: its change must fit into a record. */
const notesMax = 500;
const settleMs = 300;

async function measure(stateKb: number, quick: boolean): Promise<PauseLine> {
  const bed = await makeBed({ nodes: 3 }, ballast);
  try {
    return await pauses(bed, stateKb, quick ? 5 : stateKb > 10_000 ? 10 : 50);
  } finally {
    await bed.stop();
  }
}

async function pauses(
  { cluster, troupe }: Bed,
  stateKb: number,
  moves: number,
): Promise<PauseLine> {
  const key = `heavy-${stateKb}`;
  const actor = troupe.actor(Ballast, key, { deadlineMs: 60_000 });
  await actor.add();
  for (let at = 0; at < stateKb; at += notesMax) await actor.load(Math.min(notesMax, stateKb - at));
  const calls = new Caller(() => actor.add());
  const usual: number[] = [];
  const paused: number[] = [];
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
      paused.push(await calls.longestDuring(() => moveTo(name)));
    }
  } finally {
    await calls.stop();
  }
  const [pauseMs, usualMs, moveMs] = [paused, usual, took].map(spread) as [Spread, Spread, Spread];
  return { bench: 'migration pause', stateKb, pauseMs, usualMs, moveMs };
}

/** Asks again as soon as it is answered, and remembers how long it waited. */
class Caller {
  #longest = 0;
  #since = performance.now();
  #stopped = false;
  readonly #all: Promise<void>;

  constructor(call: () => Promise<unknown>) {
    this.#all = this.#loop(call);
  }

  async longestDuring(act: () => Promise<unknown>): Promise<number> {
    this.#longest = 0;
    await act();
    // The one that still waits counts as long as it has waited.
    return Math.max(this.#longest, performance.now() - this.#since);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }

  async #loop(call: () => Promise<unknown>): Promise<void> {
    while (!this.#stopped) {
      this.#since = performance.now();
      await call();
      this.#longest = Math.max(this.#longest, performance.now() - this.#since);
    }
  }
}

function text(lines: readonly PauseLine[]): readonly string[] {
  const heads = [
    'state',
    'pause p50',
    'p99',
    'max',
    'usual longest p50',
    'whole move p50',
    'moves',
  ];
  const rows = lines.map(({ stateKb, pauseMs, usualMs, moveMs }) => [
    `${whole(stateKb)} KB`,
    ...[pauseMs.p50, pauseMs.p99, pauseMs.max, usualMs.p50, moveMs.p50].map(ms),
    `${pauseMs.n}`,
  ]);
  return [explained, table(heads, rows)];
}

const explained = `One caller asks one actor all the time, each answer by an append, while the actor is moved from node to node.
The pause is the longest that it waited for an answer during a move; beside it the longest in 300 ms without one.`;

export const migrationPause: Part<PauseLine> = {
  name: (stateKb) => `migration pause ${stateKb} KB`,
  sizes: [1, 1_000, 50_000],
  quickSizes: [1, 1_000],
  measure,
  text,
};
