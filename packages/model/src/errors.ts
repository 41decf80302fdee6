/**
 * The one table of errors. gRPC status, whether a retry of the same request may help, and the
 * caller's next move; SDK classes, wire mapping and docs are derived from it.
 * `outcome` says what is known of the request: `none` (it surely did nothing), `unknown` (it may
 * have taken effect), `done` (it took effect, and this is its result).
 */
import type { StoredObject } from './handle.ts';

interface ErrorRow {
  readonly status: number;
  readonly retryable: boolean;
  readonly outcome: 'none' | 'unknown' | 'done';
  readonly next: string;
}

const row = (
  status: number,
  retryable: boolean,
  outcome: ErrorRow['outcome'],
  next: string,
): ErrorRow => ({ status, retryable, outcome, next });

export const errorTable = {
  // What the caller gave is wrong. Nothing was changed.
  INVALID_ARGUMENT: row(3, false, 'none', 'correct the named argument and call again'),
  UNCARRIABLE: row(3, false, 'none', 'replace the value at the named path by plain data'),
  TOO_LARGE: row(3, false, 'none', 'send less, or store it elsewhere and send a reference'),
  UNKNOWN_TENANT: row(5, false, 'none', 'create the tenant, or correct its name'),
  UNKNOWN_TYPE: row(5, false, 'none', 'deploy a bundle that exports this actor type'),
  UNKNOWN_ACTOR: row(5, false, 'none', 'list the actors with `troupe actors`'),
  UNKNOWN_CHECKPOINT: row(5, false, 'none', 'list them with `troupe checkpoints ACTOR`'),
  UNKNOWN_LETTER: row(5, false, 'none', 'list them with `troupe letters dead`'),
  UNKNOWN_METHOD: row(12, false, 'none', 'correct the method, or deploy a bundle that has it'),
  UNKNOWN_TASK: row(5, false, 'none', 'deploy a bundle that exports this task'),
  UNKNOWN_QUEUE: row(5, false, 'none', 'open it with `troupe tenants set`, or correct its name'),
  UNKNOWN_RESERVATION: row(
    5,
    false,
    'none',
    'list them with `troupe tenants reservations`, or make it',
  ),
  UNKNOWN_WORKFLOW: row(5, false, 'none', 'deploy a bundle that exports this workflow'),
  UNKNOWN_RUN: row(5, false, 'none', 'list the runs with `troupe runs`'),
  UNKNOWN_BLOCK: row(5, false, 'none', 'show the run with `troupe runs show RUN`'),
  UNKNOWN_NODE: row(5, false, 'none', 'list the nodes with `troupe nodes`'),
  UNKNOWN_BUNDLE: row(5, false, 'none', 'deploy the bundle again'),
  OVER_QUOTA: row(9, false, 'none', 'raise the quota of the tenant, or submit fewer'),
  ALREADY_EXISTS: row(6, false, 'none', 'choose another id, or use the one that exists'),
  WRONG_STATE: row(9, false, 'none', 'look at its state before asking for this'),
  BUNDLE_LOAD_FAILED: row(9, false, 'none', 'mend the bundle so that it loads, then deploy again'),
  WORKFLOW_INVALID: row(3, false, 'none', 'mend the workflow at the named place'),
  OUT_OF_REACH: row(
    9,
    false,
    'none',
    'let a task read the value and answer with what is asked for',
  ),
  CONFIG_INVALID: row(3, false, 'none', 'correct the named key'),
  // User code ended badly. The turn or attempt is recorded as failed.
  USER_ERROR: row(2, false, 'done', 'see the cause; the state before the call stands'),
  STEP_MISMATCH: row(9, false, 'done', 'make the method take the same steps when it runs again'),
  DEADLOCK: row(9, false, 'done', 'break the cycle named, for example by a send'),
  TIME_LIMIT: row(4, false, 'done', 'raise the time limit, or do less in one turn'),
  RUNNER_CRASHED: row(13, false, 'done', 'see the runner output; the state before the call stands'),
  RETRIES_EXHAUSTED: row(10, false, 'done', 'see the last error of the attempts'),
  SECRET_UNAVAILABLE: row(
    9,
    false,
    'done',
    'let the nodes have it: `node.secrets` in their configuration',
  ),
  SECRET_EXPOSED: row(3, false, 'done', 'keep secrets out of state, results, replies and letters'),
  CANCELLED: row(1, false, 'done', 'nothing: the caller asked for it'),
  NO_SIGNAL: row(4, false, 'done', 'signal the actor in time, or wait longer'),
  COMPENSATION_FAILED: row(10, false, 'done', 'undo by hand what those named have done'),
  // Time and identity.
  DEADLINE_EXCEEDED: row(4, true, 'none', 'call again: it was refused before it began'),
  OUTCOME_UNKNOWN: row(14, false, 'unknown', 'read the state before deciding to call again'),
  STREAM_BEHIND: row(11, false, 'unknown', 'read the state, or take from the position named on'),
  SESSION_FORGOTTEN: row(9, false, 'unknown', 'read the state; then call under a new session'),
  GONE: row(5, false, 'none', 'the actor was destroyed; address the new one'),
  TOO_FAR_BACK: row(9, false, 'none', 'choose a later turn or savepoint'),
  UNKNOWN_SAVEPOINT: row(5, false, 'none', 'list them with `troupe savepoints SCOPE`'),
  UNKNOWN_SCOPE: row(5, false, 'none', 'list the actors with their scopes: `troupe actors`'),
  PAUSED: row(9, true, 'none', 'resume it with `troupe actor resume`, or wait until it is'),
  CONSTRUCTOR_FAILED: row(9, false, 'none', 'mend the `state` function, see the cause'),
  GIVEN_UP: row(9, false, 'none', 'mend what failed, then resume it with `troupe actor resume`'),
  UNHEALTHY: row(9, true, 'none', 'see why it says so; it is brought into memory anew'),
  REWOUND: row(
    10,
    false,
    'unknown',
    'read the state as it is now; then decide whether to call again',
  ),
  // The cluster cannot serve now.
  NOT_HERE: row(14, true, 'none', 'resolve the location again'),
  NO_LEADER: row(14, true, 'none', 'retry: a new leader is being elected'),
  NO_NODES: row(14, true, 'none', 'start a node that has what is asked for'),
  UNAVAILABLE: row(14, true, 'none', 'retry with back-off'),
  RESOURCE_EXHAUSTED: row(8, true, 'none', 'retry after the time given'),
  VERSION_MISMATCH: row(9, false, 'none', 'use client and cluster of one minor version'),
  // Start-up.
  PORT_IN_USE: row(9, false, 'none', 'stop the other process or choose another port'),
  ETCD_UNREACHABLE: row(14, true, 'none', 'start etcd, or correct `etcd` in the configuration'),
  NATS_UNREACHABLE: row(14, true, 'none', 'start nats-server, or correct `nats.servers`'),
  NATS_UNSUITABLE: row(
    9,
    false,
    'none',
    'run nats-server 2.10 or newer (2.12.3 for replicas) with JetStream',
  ),
  SERVER_MISSING: row(9, false, 'none', 'run `npm run bootstrap`, which brings it'),
  SERVER_FAILED: row(13, false, 'none', 'see the log of the server named'),
  NODE_NAME_TAKEN: row(6, true, 'none', 'choose another node name, or stop the other node'),
  // Machines that nodes are put on.
  HOST_UNREACHABLE: row(14, true, 'none', 'correct the address, or start sshd there'),
  HOST_REFUSED: row(9, false, 'none', 'correct the user or the key, or authorize the key there'),
  HOST_KEY_UNKNOWN: row(9, false, 'none', 'compare the fingerprint and give it by `--host-key`'),
  HOST_KEY_CHANGED: row(9, false, 'none', 'find out why; give the new fingerprint by `--host-key`'),
  HOST_UNSUITABLE: row(9, false, 'none', 'install or correct there what is named'),
  HOST_FULL: row(8, true, 'none', 'free space there, or choose another folder'),
  HOST_LOST: row(14, false, 'unknown', 'do the same again: it goes on where it stopped'),
  HOST_SILENT: row(14, true, 'none', 'see what hangs there, then do the same again'),
  HOST_BUSY: row(14, true, 'none', 'wait until that is over, then do the same again'),
  NODE_FAILED: row(9, false, 'none', 'see the log of the node'),
  // Durable histories.
  DEPOSED: row(10, false, 'none', 'this process is fenced off and exits; start it anew'),
  DATA_BEHIND: row(15, false, 'none', 'put the newer data back, or accept the loss as told'),
  OBJECT_CORRUPT: row(
    15,
    false,
    'none',
    'run again what made it: `troupe runs again`, or the task',
  ),
  PAST_CONFLICT: row(
    15,
    false,
    'none',
    'fork a checkpoint of before both (`troupe checkpoints`), or take away the record that is wrong',
  ),
  LOG_CORRUPT: row(15, false, 'unknown', 'restore the log named from a replica or a backup'),
  INTERNAL: row(13, false, 'unknown', 'report this with the log of the process named'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export type FailureDetails = { readonly [name: string]: string | number };

/** An expected failure as a value: inside the cores and on the wire. */
export interface Failure {
  readonly code: ErrorCode;
  /** What happened, to which id, and the next move. */
  readonly message: string;
  readonly details?: FailureDetails;
}

/** Makes a failure; its message gets the next move of the table appended. */
export function failure(code: ErrorCode, what: string, details?: FailureDetails): Failure {
  const message = `${what}; ${errorTable[code].next}`;
  return details === undefined ? { code, message } : { code, message, details };
}

/** What a call, task or block came to. `value` is encoded by `encodeValue`, or by `encodeHolding`
 *  where `objects` says what it refers to. */
export type Outcome =
  | {
      readonly ok: true;
      readonly value: Uint8Array;
      readonly objects?: readonly StoredObject[];
    }
  | { readonly ok: false; readonly failure: Failure };

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

const errorBrand: unique symbol = Symbol.for('troupe.error');

/**
 * A failure on its way to a caller. Branch on `code`, never on the text. A bundle carries its own
 * copy of this class: `instanceof` goes by the brand, so that every copy knows the others' errors.
 */
export class TroupeError extends Error {
  readonly [errorBrand] = true;
  readonly code: ErrorCode;
  readonly details: FailureDetails;

  constructor(reason: Failure, options?: { cause?: unknown }) {
    super(reason.message, options);
    this.name = 'TroupeError';
    this.code = reason.code;
    this.details = reason.details ?? {};
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** What is known of the request: it surely did nothing, it may have taken effect, or it did. */
  get outcome(): 'none' | 'unknown' | 'done' {
    return errorTable[this.code].outcome;
  }

  /** Milliseconds after which trying again may help, where the cluster could tell: a full queue. */
  get retryAfterMs(): number | undefined {
    const { retryAfterMs } = this.details;
    return typeof retryAfterMs === 'number' ? retryAfterMs : undefined;
  }

  toFailure(): Failure {
    return { code: this.code, message: this.message, details: this.details };
  }
}

Object.defineProperty(TroupeError, Symbol.hasInstance, {
  value(this: unknown, error: unknown): boolean {
    // A subclass knows its instances as usual.
    if (this !== TroupeError) return Function.prototype[Symbol.hasInstance].call(this, error);
    return typeof error === 'object' && error !== null && errorBrand in error;
  },
});

/** Shorthand for `new TroupeError(failure(…))`. */
export function troupeError(
  code: ErrorCode,
  what: string,
  details?: FailureDetails,
  cause?: unknown,
): TroupeError {
  return new TroupeError(failure(code, what, details), cause === undefined ? {} : { cause });
}

/** The failure that any thrown thing stands for; a stranger becomes `fallback`. */
export function failureOf(thrown: unknown, fallback: ErrorCode = 'INTERNAL'): Failure {
  if (thrown instanceof TroupeError) return thrown.toFailure();
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return failure(fallback, text);
}

/** Longest text of a failure that a record takes. */
const messageLengthMax = 16_000;

/** The same failure in a size that every record and message can hold. */
export function boundedFailure(given: Failure): Failure {
  if (given.message.length <= messageLengthMax && given.details === undefined) return given;
  const left = given.message.length - messageLengthMax;
  const message =
    left <= 0 ? given.message : `${given.message.slice(0, messageLengthMax)} (${left} more)`;
  const details: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(given.details ?? {}).slice(0, 32)) {
    details[name.slice(0, 128)] = typeof value === 'number' ? value : value.slice(0, 4_000);
  }
  return { code: given.code, message, details };
}

/** Ends an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Crashes the machine when an invariant is broken. `fact` names it: `Q1: time never goes back`. */
export function assert(holds: boolean, fact: string): asserts holds {
  if (!holds) throw new InvariantBroken(fact);
}

/** A bug, not an operating error: nobody catches it but the process, which ends. */
export class InvariantBroken extends Error {
  constructor(fact: string) {
    super(`invariant broken: ${fact}`);
    this.name = 'InvariantBroken';
  }
}
