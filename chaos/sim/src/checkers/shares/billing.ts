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
  readonly #took = new Map<string, number>();

  constructor(ledgers: readonly Ledger[]) {
    this.#ledgers = ledgers;
  }

  sent(message: object): void {
    if (!('kind' in message) || message.kind !== 'task-result') return;
    const { task, attempt, durationMs } = message as TaskResult;
    this.#took.set(`${task} ${attempt}`, durationMs);
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
    // These may have come from elsewhere than from a result that says what the attempt took.
    if (!outcome.ok && unbilled.has(outcome.failure.code)) return undefined;
    return this.#took.get(`${task} ${attempt}`);
  }
}

function isMisleading(outcome: Outcome): boolean {
  return !outcome.ok && misleading.has(outcome.failure.code);
}
