/** How the end of an actor changes its memory, live and at replay. */
import { failure, type Outcome } from '@troupe/model';
import type { NodeFact } from './facts.ts';
import type { BegunTurn, Memory } from './memory.ts';

type EndedFact = Extract<NodeFact, { kind: 'actor-ended' }>;

/** The end of an actor: a turn number of its own, after which there is none. */
export function applyEnd(memory: Memory, fact: EndedFact, now: number): void {
  const { begun } = memory;
  memory.seq = fact.seq;
  memory.begun = undefined;
  if (begun === undefined) return;
  const { cause } = begun;
  if (cause.kind === 'call') {
    memory.sessions.record(cause, endedUnder(fact, begun), now);
  } else if (cause.kind === 'letter') {
    // It has done something: the next actor of the name may not do it again.
    memory.recv.set(`${cause.from}#${cause.fromBirth}`, cause.number);
  }
}

/** What a turn came to that had left its actor when the actor was destroyed. */
function endedUnder({ actor, birth }: EndedFact, { method }: BegunTurn): Outcome {
  const text = `${method} had begun when actor ${actor} #${birth} was destroyed`;
  const details = { code: 'GONE', actor, birth };
  return { ok: false, failure: failure('USER_ERROR', text, details) };
}
