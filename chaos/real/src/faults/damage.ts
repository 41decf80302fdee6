/**
 * A bit of a stored checkpoint is another one. An actor of its own is checkpointed twice and leaves memory; what stands
 * last in the store is put there once more with a bit flipped, since the store lets nobody change a message, and the
 * sound one is taken away. It must be named, and the actor must come back by the one before and the log, which alone
 * holds its last turns then, as it was: nothing is guessed.
 *
 * A record of a log cannot be damaged so: whatever is appended to it fences its writer. Nor is it told when a fault
 * beside this one moves the actor, or so much is logged meanwhile that what lies behind the older checkpoint is
 * trimmed: then nothing leads from it to the end, and who says so has told the truth (F3).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Checkpoint, type DamagedCheckpoint, TroupeError } from '@troupe/sdk';
import { Ledger } from '../agents.ts';
import { damagedPrefix } from '../cluster/bad-words.ts';
import type { Stage } from '../cluster/stage.ts';
import { insist } from '../workloads/workload.ts';
import type { Fault } from './fault.ts';

type Listed = readonly (Checkpoint | DamagedCheckpoint)[];

const storedMsMax = 20_000;
const lookMs = 50;
const addsBetween = 3;

export const flipCheckpoint: Fault = {
  lastsMs: [0, 0],
  async inject(stage, random) {
    const { operator } = stage;
    const key = `${damagedPrefix}${random.between(0, 1_000_000_000)}`;
    const ledger = operator.actor(Ledger, key);
    const target = `Ledger/${key}`;
    const undo = async () => {
      await insist(() => operator.actors.destroy(Ledger, key)).catch(() => undefined);
    };
    const befell = (count: number) => ({ target, undo, befallen: () => count });
    for (const round of [1, 2]) {
      for (let at = 1; at <= addsBetween; at++) await insist(() => ledger.add(`${round}.${at}`));
      if (!(await isStored(stage, key, round))) return befell(0);
    }
    const before = await insist(() => ledger.ids());
    // The read has brought it to memory again.
    await insist(() => operator.actors.stop(Ledger, key));
    await stage.operators.flipCheckpoint(`default/${target}`);
    const [last] = await insist(() => operator.checkpoints.list(Ledger, key));
    const after = await insist(() => ledger.ids()).then(
      (ids): Came => ({ ids }),
      (reason: unknown): Came => ({ reason }),
    );
    const judged = judge({ last, before, after });
    if (judged.alarm !== undefined) stage.alarm(`${target}: ${judged.alarm}`);
    if (judged.says !== undefined) stage.say(`${target}: ${judged.says}`);
    return befell(judged.befallen);
  },
};

export type Came = { readonly ids: readonly string[] } | { readonly reason: unknown };

export interface Judged {
  readonly befallen: 0 | 1;
  /** What was promised and is not so. */
  readonly alarm?: string;
  readonly says?: string;
}

/** What came of the flip: what was listed last, and what the actor held before and holds since. */
export function judge({
  last,
  before,
  after,
}: {
  readonly last: Listed[number] | undefined;
  readonly before: readonly string[];
  readonly after: Came;
}): Judged {
  // Another one was stored since, by a node that took the actor over meanwhile: nothing was damaged any more.
  const isNamed = last !== undefined && 'failure' in last && last.failure.code === 'LOG_CORRUPT';
  if ('reason' in after) {
    const { reason } = after;
    const isTold = reason instanceof TroupeError;
    if (isTold && (reason.code === 'LOG_CORRUPT' || reason.outcome !== 'done')) {
      return { befallen: 0, says: `it did not come back: ${String(reason).slice(0, 160)}` };
    }
    return { befallen: 0, alarm: `it says without a code: ${String(reason).slice(0, 160)}` };
  }
  // An add that nobody has answered may come late; nothing that was there may be gone.
  const isWhole = before.every((id, at) => after.ids[at] === id);
  if (!isWhole) {
    const what = `${after.ids.length} ids after the flip of a bit, ${before.length} before`;
    return { befallen: 0, alarm: `it came back as another one: ${what}` };
  }
  return isNamed ? { befallen: 1 } : { befallen: 0, says: 'another checkpoint was stored since' };
}

/** Whether so many sound checkpoints of one placement are there, when the actor has left memory. */
async function isStored({ operator }: Stage, key: string, count: number): Promise<boolean> {
  const end = performance.now() + storedMsMax;
  while (performance.now() < end) {
    await insist(() => operator.actors.stop(Ledger, key));
    const listed = await insist(() => operator.checkpoints.list(Ledger, key));
    const sound = listed.filter((one): one is Checkpoint => 'turn' in one);
    const [last] = sound;
    const own = sound.filter(({ epoch }) => epoch === last?.epoch);
    if (own.length >= count && last?.turn === count * addsBetween) return true;
    await pause(lookMs);
  }
  return false;
}
