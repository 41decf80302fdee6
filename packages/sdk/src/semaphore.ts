/**
 * A semaphore is an actor: who holds its permits, and who waits for one, in the order in which they came.
 * Export `Semaphore` from a bundle to have it.
 *
 * S1  no more permits are held at once than was said last.
 * S2  who came first gets the next permit.
 * S3  a lease ends when it is given back, or when its time has come, whatever became of its holder.
 * S4  what was given back is never taken after it, whatever comes late.
 */
import { TroupeError, troupeError } from '@troupe/model';
import { type ActorDefinition, actor } from './actor.ts';
import type { ReadContext, TurnContext } from './context.ts';
import { checkWhole } from './definition.ts';

/** A turn that is told by a signal when it has its permit. */
export interface TurnHolder {
  readonly type: string;
  readonly key: string;
  readonly signal: string;
}

export interface Take {
  /** Made by the holder, unique to what it wants a permit for. */
  readonly id: string;
  readonly permits: number;
  readonly leaseMs: number;
  /** Absent for one that asks again and again, and keeps its place by that. */
  readonly turn?: TurnHolder;
}

interface Wanted extends Omit<Take, 'permits'> {
  readonly held: boolean;
}

export interface SemaphoreState {
  permits: number;
  /** Those that hold a permit and those that wait for one, each in their order. */
  wanted: Wanted[];
  /** What was given back lately (S4). */
  gone: string[];
}

export type Standing = 'held' | 'waiting' | 'gone';

/** Who may hold or wait at once: each may have a timer. */
const wantedMax = 900;
const goneMax = 1_000;
/** Those that tell holders: one that cannot be told keeps only some of the others waiting. */
const bells = 16;
const bellMark = '~bell';
/** Once more for each time that telling a holder has failed. */
const ringsMax = 5;
const ringMs = 600_000;

type Turn = TurnContext<SemaphoreState>;
type SemaphoreMethods = {
  readonly take: (c: Turn, take: Take) => Standing;
  readonly keep: (c: Turn, id: string) => Standing;
  readonly release: (c: Turn, id: string) => Standing;
  readonly ring: (c: Turn, semaphore: string, id: string, turn: TurnHolder) => Promise<void>;
};
type SemaphoreReads = {
  readonly standing: (c: ReadContext<SemaphoreState>, id: string) => Standing;
  readonly counts: (c: ReadContext<SemaphoreState>) => SemaphoreCounts;
};

export interface SemaphoreCounts {
  readonly permits: number;
  readonly held: number;
  readonly waiting: number;
}

export const Semaphore: ActorDefinition<SemaphoreState, SemaphoreMethods, SemaphoreReads> = actor(
  'Semaphore',
  {
    state: (): SemaphoreState => ({ permits: 0, wanted: [], gone: [] }),
    methods: {
      take(c: Turn, { permits, ...take }: Take): Standing {
        const { state } = c;
        state.permits = permits;
        if (state.gone.includes(take.id)) return 'gone';
        if (standingOf(state, take.id) === 'gone') {
          if (state.wanted.length >= wantedMax) {
            const what = `${wantedMax} hold or want permits of ${c.id}`;
            throw troupeError('RESOURCE_EXHAUSTED', what, { retryAfterMs: 1_000 });
          }
          state.wanted.push({ ...take, held: false });
          if (take.turn === undefined) watch(c, take.id, take.leaseMs);
        }
        grant(c, take.id);
        return standingOf(state, take.id);
      },
      keep(c: Turn, id: string): Standing {
        const wanted = c.state.wanted.find((one) => one.id === id);
        if (wanted !== undefined) watch(c, id, wanted.leaseMs);
        return standingOf(c.state, id);
      },
      /** Also when its time has come, as a timer. Says what it was. */
      release(c: Turn, id: string): Standing {
        const { state } = c;
        const standing = standingOf(state, id);
        state.wanted = state.wanted.filter((one) => one.id !== id);
        if (!state.gone.includes(id)) state.gone = [...state.gone, id].slice(-goneMax);
        c.timers.cancel(leaseOf(id));
        grant(c);
        return standing;
      },
      /** Of a bell, which waits for the holder in the place of the semaphore. */
      async ring(c: Turn, semaphore: string, id: string, turn: TurnHolder): Promise<void> {
        for (let tries = 0; tries < ringsMax; tries++) {
          try {
            const { type, key, signal } = turn;
            return await c.signalTo(type, key, signal, id, { deadlineMs: ringMs });
          } catch (thrown) {
            if (!(thrown instanceof TroupeError) || !thrown.retryable) break;
          }
        }
        c.send(Semaphore, semaphore).release(id);
      },
    },
    reads: {
      standing: (c: ReadContext<SemaphoreState>, id: string): Standing => standingOf(c.state, id),
      counts(c: ReadContext<SemaphoreState>): SemaphoreCounts {
        const { permits, wanted } = c.state;
        const held = wanted.filter((one) => one.held).length;
        return { permits, held, waiting: wanted.length - held };
      },
    },
  },
);

function standingOf({ wanted }: Pick<ReadContext<SemaphoreState>['state'], 'wanted'>, id: string) {
  const found = wanted.find((one) => one.id === id);
  if (found === undefined) return 'gone';
  return found.held ? 'held' : 'waiting';
}

/** Gives out what is free, in order (S1, S2). `asks` hears of it by its answer. */
function grant(c: Turn, asks?: string): void {
  const { state } = c;
  let left = state.permits - state.wanted.filter((one) => one.held).length;
  for (const [at, wanted] of state.wanted.entries()) {
    if (left <= 0) return;
    if (wanted.held) continue;
    left -= 1;
    state.wanted[at] = { ...wanted, held: true };
    const { id, turn, leaseMs } = wanted;
    if (turn === undefined) continue;
    watch(c, id, leaseMs);
    if (id === asks) continue;
    const bell = `${c.key}${bellMark}${hashOf(id) % bells}`;
    c.send(Semaphore, bell).ring(c.key, id, { ...turn });
  }
}

/** S3 */
function watch(c: Turn, id: string, leaseMs: number): void {
  c.timers.set(leaseOf(id), { afterMs: leaseMs, method: 'release', args: [id] });
}

function leaseOf(id: string): string {
  return id.length <= 100 ? `lease ${id}` : `lease ${id.slice(0, 80)} ${hashOf(id)}`;
}

export interface PermitOptions {
  /** How long to wait for a permit: `NO_SIGNAL` beyond; for ever unless given. */
  readonly waitMs?: number;
  /** After so long the permit is given to the next, whatever this turn does; an hour unless given. */
  readonly leaseMs?: number;
}

type Permitted = Pick<
  TurnContext<unknown>,
  'id' | 'key' | 'callId' | 'actor' | 'waitFor' | 'compensate'
>;

const leaseMsDefault = 3_600_000;

/** How many permits each turn has asked for: their ids must be the same when it runs again. */
const asked = new WeakMap<object, number>();

/**
 * Does something while this turn holds one of so many permits of a semaphore. While it waits for one it
 * takes no place in a runner. The permit is given back when `run` has ended, and when the turn fails.
 */
export async function withPermit<T>(
  c: Permitted,
  semaphore: string,
  permits: number,
  run: () => Promise<T> | T,
  { waitMs, leaseMs = leaseMsDefault }: PermitOptions = {},
): Promise<T> {
  checkPermits(permits);
  checkWhole('leaseMs', leaseMs, 1);
  const count = (asked.get(c) ?? 0) + 1;
  asked.set(c, count);
  const id = `${c.callId}/permit:${count}`;
  const [, type = ''] = c.id.split('/', 2);
  const signal = `permit.${hashOf(id).toString(36)}`;
  const holder = c.actor(Semaphore, semaphore);
  // Before anything is asked for: also what is on its way when the turn fails is given back.
  c.compensate(`permit of ${semaphore}`, (undo) => undo.actor(Semaphore, semaphore).release(id));
  const taken = await holder.take({ id, permits, leaseMs, turn: { type, key: c.key, signal } });
  try {
    if (taken !== 'held') await c.waitFor(signal, waitMs === undefined ? {} : { limitMs: waitMs });
  } catch (thrown) {
    // A turn that is ended from outside asks for nothing more: it gives back by its compensation.
    const standing = await holder.release(id).catch(() => 'gone');
    // It came to have one just then: the signal is on its way.
    if (standing === 'held') await c.waitFor(signal, { limitMs: lateMs }).catch(() => undefined);
    throw thrown;
  }
  return await release(run, () => holder.release(id));
}

const lateMs = 60_000;

async function release<T>(run: () => Promise<T> | T, done: () => Promise<unknown>): Promise<T> {
  let value: T;
  try {
    value = await run();
  } catch (thrown) {
    await done();
    throw thrown;
  }
  await done();
  return value;
}

export function checkPermits(permits: number): void {
  checkWhole('permits', permits, 1, wantedMax);
}

/** FNV-1a over UTF-16 units, in 32 bits. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return hash;
}
