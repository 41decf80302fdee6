/**
 * One call that a client waits for, and the actor it goes to; when waiting for it is over, and what
 * is known of it then.
 */
import {
  type ActorId,
  type Bytes,
  type Failure,
  failure,
  type Outcome,
  type PriorityName,
  type SessionId,
} from '@troupe/model';
import type { Route } from './routes.ts';

/** Who waits for answers: one client stream, or one unary call. */
export interface CallSink {
  answered(number: number, outcome: Outcome): void;
}

export interface NewCall {
  readonly session: SessionId;
  readonly number: number;
  readonly low: number;
  /** What is asked for, where an idempotency key stands for the call. */
  readonly print?: string;
  readonly actor: ActorId;
  readonly method: string;
  readonly args: Bytes;
  readonly scope: string;
  /** This birth of the actor and no other; whichever there is unless given. */
  readonly birth?: number | undefined;
  /** Among all that waits for the actor; normal unless given. */
  readonly priority?: PriorityName | undefined;
  /** Monotonic ms. */
  readonly deadlineAt: number;
  /** How long after the deadline the answer of an accepted call may still be awaited. */
  readonly runMs: number;
  readonly sink: CallSink;
  /** A read of the actor as it was after this turn. */
  readonly atTurn?: number;
  /** It takes what its method yields from this position on, see `takes.ts`. */
  readonly from?: number;
}

export interface OpenCall extends Omit<NewCall, 'sink' | 'low' | 'from'> {
  low: number;
  from?: number;
  sink: CallSink;
  readonly target: Target;
  /** Monotonic ms of the last send; 0: never sent. */
  sentAt: number;
  /** Of the latest placement that it was sent to. */
  sentEpoch: number;
  /** Its client no longer waits: its actor is told so until it has answered. */
  cancelled?: true;
}

/** One actor with open calls. */
export interface Target {
  readonly actor: ActorId;
  /** In order of arrival (O2). */
  readonly calls: Set<OpenCall>;
  /** Where its calls go; undefined while the leader is asked. */
  route: Route | undefined;
  /** The epoch that a node refused, told to the leader. */
  refusedEpoch: number | undefined;
  /** Asked of the leader and not answered yet. */
  asked: boolean;
  /** Monotonic ms at which the leader is asked next. */
  askAt: number;
  backoffMs: number;
  /** Why there is no route yet, by the leader. */
  reason: Failure | undefined;
  /** The leader was asked for whichever has the name, not for one birth. */
  byName: boolean;
}

/** After an accepted call's deadline, beyond what its turn may take: then nobody answers. */
const graceMs = 30_000;

/** Why the call is not waited for any longer, if so. */
export function expiryOf(call: OpenCall, now: number): Failure | undefined {
  if (call.deadlineAt > now) return undefined;
  if (call.sentAt === 0) return givenUp(call);
  // A turn on a living node ends by its own limit; without a route nobody works on it.
  const patience = graceMs + (call.target.route === undefined ? 0 : call.runMs);
  if (call.deadlineAt + patience > now) return undefined;
  return notAnswered(call);
}

/** What is known of a call that is given up. */
export function givenUp(call: OpenCall): Failure {
  return isUnrun(call) ? neverSent(call) : notAnswered(call);
}

/** Its actor was destroyed. What was never sent, or was said to be unrun, surely did nothing. */
export function ofGone(call: OpenCall): Failure {
  if (!isUnrun(call)) return notAnswered(call);
  const { actor, birth = 0 } = call;
  return failure('GONE', `actor ${actor} #${birth} is gone`, { actor, birth });
}

/** Nobody can have begun it. Who takes on from a position has had values of what began long ago. */
export function isUnrun({ sentAt, from = 0 }: OpenCall): boolean {
  return sentAt === 0 && from === 0;
}

function notAnswered(call: OpenCall): Failure {
  const what = call.sentAt === 0 ? 'had begun, and found no place' : 'was sent but not answered';
  const text = `call ${call.number} of "${call.actor}" ${what}`;
  return failure('OUTCOME_UNKNOWN', text, { actor: call.actor });
}

function neverSent(call: OpenCall): Failure {
  const { reason } = call.target;
  const text = `call ${call.number} of "${call.actor}" found no place until its deadline`;
  if (reason === undefined) {
    return failure('NO_LEADER', text, { actor: call.actor });
  }
  return failure(reason.code, `${text}: ${reason.message}`, { actor: call.actor });
}

/** Two wait for the same call. */
export function bothSinks(first: CallSink, second: CallSink): CallSink {
  return {
    answered(number, outcome) {
      first.answered(number, outcome);
      second.answered(number, outcome);
    },
  };
}
