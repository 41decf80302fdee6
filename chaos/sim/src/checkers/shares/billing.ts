/** Tells ledgers what the journal and the nodes say of tasks. */
import type { ErrorCode, Outcome, TaskId, TaskResult } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { Ledger } from './ledger.ts';

const unbilled: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'OUTCOME_UNKNOWN',
  'CANCELLED',
  'TIME_LIMIT',
  'RETRIES_EXHAUSTED',
]);

/** The leader has learnt from these what no fact says: its estimates are known no longer. */
const misleading: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TIME_LIMIT', 'RETRIES_EXHAUSTED']);

export class Billing {
  readonly #ledgers: readonly Ledger[];
  /** By attempt, the result of its node that came last. */
  readonly #told = new Map<string, TaskResult>();

  constructor(ledgers: readonly Ledger[]) {
    this.#ledgers = ledgers;
  }

  sent(message: object): void {
    if (!('kind' in message) || message.kind !== 'task-result') return;
    const result = message as TaskResult;
    this.#told.set(`${result.task} ${result.attempt}`, result);
  }

  journalFact(fact: SchedulerFact): void {
    for (const ledger of this.#ledgers) this.#tell(ledger, fact);
  }

  #tell(ledger: Ledger, fact: SchedulerFact): void {
    switch (fact.kind) {
      case 'term-opened':
        return ledger.newLeader();
      case 'node-joined':
      case 'node-draining':
      case 'node-cordoned':
      case 'node-dying':
        return ledger.nodesChanged();
      case 'task-submitted':
        return ledger.submitted(fact);
      case 'task-started':
        return ledger.started(fact.task, fact.attempt);
      case 'task-preempted':
        ledger.landed(fact.task, undefined);
        return ledger.waitsAgain(fact.task);
      case 'task-retried':
        if (isMisleading(fact.reason)) ledger.misled();
        ledger.landed(fact.task, this.#tookOf(fact.task, fact.attempt, fact.reason));
        return ledger.waitsAgain(fact.task);
      case 'task-ended': {
        if (isMisleading(fact.outcome)) ledger.misled();
        const attempt = ledger.attemptOf(fact.task);
        ledger.landed(fact.task, this.#tookOf(fact.task, attempt, fact.outcome));
        return ledger.ended(fact.task);
      }
      default:
    }
  }

  #tookOf(task: TaskId, attempt: number, outcome: Outcome): number | undefined {
    const told = this.#told.get(`${task} ${attempt}`);
    // These may have come from elsewhere than from a result that says what the attempt took.
    if (!outcome.ok && unbilled.has(outcome.failure.code) && !isSame(told?.outcome, outcome)) {
      return undefined;
    }
    return told?.durationMs;
  }
}

/** What the leader makes of it by itself, when a node is lost or a task is cancelled, has words of its own. */
function isSame(told: Outcome | undefined, failed: Outcome): boolean {
  if (told === undefined || told.ok || failed.ok) return false;
  const { code, message } = failed.failure;
  return told.failure.code === code && told.failure.message === message;
}

function isMisleading(outcome: Outcome): boolean {
  return !outcome.ok && misleading.has(outcome.failure.code);
}
