/**
 * What follows a failed attempt. A lost node counts as an attempt like any other failure, so that
 * `retries: 0` means at most one attempt, but it is no fault of the task: the next one follows at
 * once, without back-off. An attempt that was preempted is no try.
 */
import {
  callTask,
  type ErrorCode,
  errorTable,
  type Failure,
  type FailureDetails,
  failure,
  limits,
  unlimitedRetries,
} from '@troupe/model';
import type { TaskRecord } from './task-table.ts';

/** Another attempt would fail in the same way. */
const finalCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_ARGUMENT',
  'UNCARRIABLE',
  'TOO_LARGE',
  'OBJECT_CORRUPT',
  'WORKFLOW_INVALID',
  'CANCELLED',
  'DEADLOCK',
  'BUNDLE_LOAD_FAILED',
  'VERSION_MISMATCH',
]);

/** Back-offs are drawn longer by up to this share: what failed together comes back spread out. */
const backoffSpread = 0.1;

export type Verdict =
  | { readonly kind: 'retry'; readonly waitMs: number; readonly failure: Failure }
  | { readonly kind: 'end'; readonly failure: Failure };

/** `draw` is at least 0 and less than 1. */
export function judge(task: TaskRecord, failed: Failure, draw: () => number): Verdict {
  if (isFinal(task.name, failed)) return { kind: 'end', failure: failed };
  const tries = triesOf(task);
  if (tries > task.retries) {
    const end = task.retries === 0 ? failed : exhausted(task, failed);
    return { kind: 'end', failure: end };
  }
  const { backoffMs } = task;
  const wait = backoffMs[Math.min(tries, backoffMs.length) - 1] ?? 0;
  const least = task.retries === unlimitedRetries ? limits.unlimitedBackoffMsMin : 0;
  const waitMs = Math.round(Math.max(wait, least) * (1 + draw() * backoffSpread));
  return { kind: 'retry', waitMs, failure: failed };
}

/** The same for an attempt whose node was lost. */
export function judgeLost(task: TaskRecord, failed: Failure): Verdict {
  if (triesOf(task) <= task.retries) return { kind: 'retry', waitMs: 0, failure: failed };
  return judge(task, failed, () => 0);
}

function triesOf({ attempt, preempted }: TaskRecord): number {
  return attempt - preempted;
}

function isFinal(name: string, { code, details }: Failure): boolean {
  if (finalCodes.has(code) || code.startsWith('UNKNOWN_')) return true;
  if (name !== callTask) return false;
  // A call is deduplicated at the actor: the turn took effect and would answer the same again.
  if (errorTable[code].outcome === 'done' || code === 'REWOUND') return true;
  // So would the next one of the name; one that came too late to be known may still be known, or run.
  return code === 'SESSION_FORGOTTEN' && details?.answeredBy === 'destroyed';
}

function exhausted(task: TaskRecord, last: Failure): Failure {
  const details: FailureDetails = {
    task: task.id,
    attempts: triesOf(task),
    lastCode: last.code,
    lastMessage: last.message.slice(0, 4_000),
  };
  const what = `task "${task.id}" failed ${triesOf(task)} times, at last with ${last.code}`;
  return failure('RETRIES_EXHAUSTED', `${what}: ${last.message}`, details);
}
