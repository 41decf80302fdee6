/**
 * Why calls are refused, and which were turned away not long ago: their twins that are on their way are turned away
 * too (B3).
 */
import { type Call, type Failure, failure, limits } from '@troupe/model';
import type { Activation } from './activation.ts';
import { unheard } from './memory.ts';

/**
 * A session is forgotten after 15 minutes at the earliest, a deadline is 10 minutes away at the most:
 * only within half of what is left is a call without a record surely one that never ran. The other
 * half is for what clocks that drift apart make of these times.
 */
const surelyUnrunMsMax = (limits.sessionMsMax - limits.deadlineMsMax) / 2;

/** Why the actor is not here, said to one whose call may have been done by an earlier twin of it. */
export function asUnknown({ code, message, details }: Failure): Failure {
  return failure('OUTCOME_UNKNOWN', message, { ...details, code });
}

/** Its code does not load, and it has had turns: one of them may have been a twin of a call that waits. */
export function mayHaveRun({ memory }: Activation, { code }: Failure): boolean {
  if (code !== 'BUNDLE_LOAD_FAILED') return false;
  return memory === undefined || memory.seq > 0 || memory.begun !== undefined;
}

/** From now on and for as long as a twin may come. What was noted before and is over is forgotten. */
export function noteTurnedAway({ turnedAway }: Activation, call: Call, now: number): void {
  for (const [key, until] of turnedAway) {
    if (until > now) break;
    turnedAway.delete(key);
  }
  const key = keyOf(call);
  turnedAway.delete(key);
  turnedAway.set(key, now + limits.turnedAwayMs);
}

export function wasTurnedAway({ turnedAway }: Activation, call: Call, now: number): boolean {
  if (turnedAway.size === 0) return false;
  const until = turnedAway.get(keyOf(call));
  return until !== undefined && until > now;
}

function keyOf({ caller }: Call): string {
  return `${caller.session}|${caller.number}`;
}

export function tooLate({ actor, caller }: Call, lateMs: number): Failure {
  if (lateMs > surelyUnrunMsMax) {
    return failure('SESSION_FORGOTTEN', `call ${caller.number} came too late to be known`);
  }
  return failure('DEADLINE_EXCEEDED', `call of ${actor} came ${Math.ceil(lateMs)} ms too late`);
}

/** There is no room in the mailbox, or for what the actor has sent. */
export function full(activation: Activation): Failure {
  const letters = activation.memory === undefined ? 0 : unheard(activation.memory);
  const text =
    letters > limits.outboxLettersMax
      ? `${letters} letters of ${activation.id} were not taken by their receivers`
      : `the mailbox of ${activation.id} holds ${limits.mailboxCallsMax} inputs`;
  return failure('RESOURCE_EXHAUSTED', text, { retryAfterMs: limits.turnedAwayMs });
}

export function cancelled(activation: Activation): Failure {
  return failure('CANCELLED', `the call of ${activation.id} was cancelled before it ran`);
}
