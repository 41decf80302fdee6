/**
 * What is left of an actor that was destroyed: its last turn number, and what it had received and
 * answered. It stands where its checkpoint stood. The next actor of its name begins with it, so that
 * neither a letter nor a call takes effect at both; of state, letters and replies nothing is left.
 *
 * K1  an actor is read back from a checkpoint of its own birth, or from the tombstone of the one
 *     before; facts of an earlier birth are nobody's past.
 */
import { type Bytes, errorTable, type Failure, failure, type Outcome } from '@troupe/model';
import type { Activation } from './activation.ts';
import { type CheckpointHead, checkpointHead, decodeCheckpoint } from './checkpoint.ts';
import type { NodeFact } from './facts.ts';
import { freshMemory, type Memory } from './memory.ts';
import { Sessions } from './sessions.ts';

/** The part of a memory that outlives its actor. */
export function remainsOf(memory: Memory, now: number): Memory {
  const sessions = new Sessions();
  memory.sessions.forget(now);
  for (const [session, low, age, replies, print] of memory.sessions.store(now)) {
    sessions.hear(session, low, now - age);
    const of = print === undefined ? { session, low } : { session, low, print };
    for (const [number, outcome] of replies) {
      const kept = wasRefused(outcome) ? outcome : ({ ok: false, failure: forgotten } as const);
      sessions.record({ ...of, number }, kept, now - age);
    }
  }
  return { ...freshMemory(), seq: memory.seq, recv: new Map(memory.recv), sessions };
}

type Decoded = ReturnType<typeof decodeCheckpoint>;

interface Beginning {
  readonly memory: Memory;
  readonly state: Bytes | undefined;
  readonly deltas: readonly Bytes[];
  /** A checkpoint of its own, from which its past goes on. */
  readonly stored?: Pick<Decoded, 'past' | 'isRest' | 'facts' | 'versions' | 'abandoned' | 'at'>;
}

/** Memory and state that an actor begins with, by what stands in the store. */
export function beginningOf(
  { birth, heir }: Pick<Activation, 'birth' | 'heir'>,
  body: Bytes | undefined,
  now: number,
  base?: Bytes,
): Beginning {
  const empty = { state: undefined, deltas: [] };
  if (body === undefined) return { ...empty, memory: freshMemory() };
  const stored = decodeCheckpoint(body, now, base);
  const { head, memory, state, deltas } = stored;
  if (head.birth === birth)
    return { memory, state: state.length === 0 ? undefined : state, deltas, stored };
  if (!heir || head.birth > birth) return { ...empty, memory: freshMemory() };
  const { seq, recv, sessions } = memory;
  return { ...empty, memory: { ...freshMemory(), seq, recv, sessions } };
}

/** The head of a checkpoint of this birth; nothing of one of another birth (K1). */
export function headOf(body: Bytes | undefined, birth: number): CheckpointHead | undefined {
  const head = body === undefined ? undefined : checkpointHead(body);
  return head?.birth === birth ? head : undefined;
}

/** Epochs are positions of the journal, as births are: those of a birth lie after it (K1). */
export function isOfBirth(fact: NodeFact, birth: number): boolean {
  return fact.kind !== 'barrier' && fact.epoch > birth;
}

/** A call of this number came before the present actor was created. It is answered so for ever: nobody need
 *  ask again. */
const forgotten: Failure = failure(
  'SESSION_FORGOTTEN',
  'the call was answered by an actor that was destroyed since',
  { answeredBy: 'destroyed' },
);

function wasRefused(outcome: Outcome): boolean {
  return !outcome.ok && errorTable[outcome.failure.code].outcome === 'none';
}
