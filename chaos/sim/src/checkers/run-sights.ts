/** Notes which interesting states of runs were reached. */
import type { Outcome } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { RunLedger } from './runs/run-ledger.ts';
import { isLoop, nameOf, undoneBy, type Where } from './runs/tree.ts';
import type { Truth } from './truth.ts';

/** Containers around what counts as nested. */
const nestedMin = 2;

export function runSights(truth: Truth, coverage: Coverage): Checker {
  /** Terms that had begun when a run, or a context that waits, began. */
  const began = new Map<string, number>();
  /** The same of the last move of a run. */
  const moved = new Map<string, number>();
  const startedAgain = new Set<string>();
  /** The same of when a run began to undo what it did. */
  const undoing = new Map<string, number>();
  let terms = 0;
  const isOlder = (key: string): boolean => (began.get(key) ?? terms) < terms;
  const begins = (run: string, context: string): void => {
    const ledger = truth.ledgers.get(run);
    const where = ledger?.tree.find(context);
    if (ledger === undefined || where === undefined) return;
    began.set(`${run} ${context}`, terms);
    if (ledger.failed !== undefined) {
      coverage.reach('a run goes on after a failure of one of its blocks');
    }
    if ((moved.get(run) ?? terms) < terms) {
      coverage.reach('a run that was moved goes on after a takeover');
    }
    if (startedAgain.has(run) && isOlder(run)) {
      coverage.reach('a run that was started again goes on after a takeover');
    }
    const around = ledger.tree.around(where.place);
    const innermost = around.at(-1);
    if (innermost === undefined || around.length < nestedMin || !isOlder(run)) return;
    coverage.reach(
      isLoop(innermost)
        ? 'a run goes on in a nested loop after a takeover'
        : 'a run goes on in a nested parallel after a takeover',
    );
  };
  const fails = (ledger: RunLedger, where: Where): void => {
    const { tree, atWork } = ledger;
    const around = tree.around(where.place);
    const depth = around.findLastIndex(({ catches }) => catches);
    const container = around[depth];
    if (container === undefined) {
      const stops = tree.workflow.onFailure !== 'go-on' && !ledger.stopped;
      if (!stops || !atWork.some((spot) => !isAt(spot.where, where))) return;
      return coverage.reach('a first failure ends a run while others are at work');
    }
    coverage.reach('a container fails and what was in it is let go of');
    if (container !== around.at(-1)) {
      coverage.reach('a failure leaves by the error edge of a container further out');
    }
    const waits = atWork.some(
      ({ where: other }) =>
        !isAt(other, where) &&
        isWaiting(other.place.block.kind) &&
        tree.around(other.place)[depth] === container &&
        where.indices.slice(0, depth).every((index, at) => other.indices[at] === index),
    );
    if (waits) coverage.reach('what waits in a container is let go of as it fails');
  };
  const ends = (run: string, context: string, outcome: Outcome): void => {
    const ledger = truth.ledgers.get(run);
    const where = ledger?.tree.find(context);
    if (ledger === undefined || where === undefined || ledger.ended !== undefined) return;
    const { place } = where;
    if (!outcome.ok && !place.catches) fails(ledger, where);
    if (place.block.kind === 'answer' && ledger.atWork.length > 0) {
      coverage.reach('a run ends by an answer while others are at work');
    }
    const isLimit = place.block.kind === 'pause' && !outcome.ok;
    if (isLimit && (place.catches || isCaughtAround(ledger, where))) {
      coverage.reach('a limit of a pause runs into an error edge');
    }
    if (!outcome.ok || !isOlder(`${run} ${context}`)) return;
    if (place.block.kind === 'pause') coverage.reach('a pause is answered after a takeover');
    if (place.block.kind === 'wait') coverage.reach('a wait ends after a takeover');
    if (place.block.kind === 'run') coverage.reach('a child run ends after a takeover');
  };
  return {
    journalFact(fact) {
      switch (fact.kind) {
        case 'term-opened':
          terms += 1;
          return;
        case 'run-started':
          began.set(fact.run, terms);
          if (fact.from !== undefined) startedAgain.add(fact.run);
          if (fact.parent !== undefined) begins(fact.parent.run, fact.parent.block);
          if (fact.from === undefined) return;
          return coverage.reach(
            fact.from.block === undefined
              ? 'a run starts again with what had failed'
              : 'a run starts again from a block',
          );
        case 'branches-expanded':
        case 'block-paused':
        case 'block-waiting':
          return begins(fact.run, fact.block);
        case 'task-submitted': {
          if (fact.run === undefined) return;
          const { run, block } = fact.run;
          begins(run, block);
          const isLate = undoneBy(block) !== undefined && (undoing.get(run) ?? terms) < terms;
          if (isLate) coverage.reach('a run goes on undoing after a takeover');
          return;
        }
        case 'block-ended':
          return ends(fact.run, fact.block, fact.outcome);
        case 'task-ended': {
          const run = truth.tasks.get(fact.task)?.run;
          if (run !== undefined) ends(run.run, run.block, fact.outcome);
          return;
        }
        case 'run-undoing':
          undoing.set(fact.run, terms);
          return coverage.reach('a run undoes what it did');
        case 'run-moved':
          moved.set(fact.run, terms);
          return coverage.reach('a run moves to another version');
        case 'run-ended':
          return ended(fact);
        default:
      }
    },
  };

  function ended({ run, state, outcome }: Extract<SchedulerFact, { kind: 'run-ended' }>): void {
    const parent = truth.ledgers.get(run)?.parent;
    if (parent !== undefined) {
      if (state === 'cancelled') coverage.reach('a child run is cancelled with its parent');
      ends(parent.run, parent.block, outcome);
    }
    const isLate = !outcome.ok && outcome.failure.code === 'TIME_LIMIT';
    if (isLate) coverage.reach('a run is out of time');
    if (!outcome.ok && outcome.failure.code === 'COMPENSATION_FAILED') {
      coverage.reach('a run could not undo all that it did');
    }
  }
}

function isAt(one: Where, other: Where): boolean {
  return nameOf(one) === nameOf(other);
}

function isWaiting(kind: string): boolean {
  return kind === 'pause' || kind === 'wait';
}

/** A failure there goes out by the error edge of a container around. */
function isCaughtAround({ tree }: RunLedger, { place }: Where): boolean {
  return tree.around(place).some(({ catches }) => catches);
}
