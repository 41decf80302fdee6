/**
 * A block begins when all its predecessors of its round or branch have settled and an edge into it has
 * fired; rounds follow each other, branches are no more than are allowed; nothing begins in what was
 * skipped, has failed or is over, or after an answer. A run ends once, and is done only when all has
 * settled or an answer was given and nothing else runs.
 */
import type { MakeChecker } from './checker.ts';
import { nameOf, Tree, undoneBy } from './runs/tree.ts';

export const dagOrder: MakeChecker = (truth, violate) => {
  /** Runs that were refused: a twin of the question may have come through, and nobody answers those. */
  const left = new Set<string>();
  const begins = (run: string, context: string): void => {
    const ledger = truth.ledgers.get(run);
    if (ledger === undefined) return violate(`${context} begins in ${run}, which there is not`);
    // See `run-undone-in-reverse`.
    if (undoneBy(context) !== undefined) return;
    const fault = ledger.fault(context);
    if (fault !== undefined) violate(`block ${context} of ${ledger.run} ${fault}`);
  };
  return {
    journalFact(fact) {
      switch (fact.kind) {
        case 'run-started':
          if (fact.parent !== undefined) begins(fact.parent.run, fact.parent.block);
          if (truth.ledgers.get(fact.run) !== undefined) violate(`run ${fact.run} starts twice`);
          return;
        case 'branches-expanded':
        case 'block-paused':
        case 'block-waiting':
          return begins(fact.run, fact.block);
        case 'task-submitted':
          if (fact.run !== undefined) begins(fact.run.run, fact.run.block);
          return;
        case 'round-decided':
          if (truth.ledgers.get(fact.run)?.spotOf(fact.block)?.turns?.asks === true) return;
          return violate(`loop ${fact.block} of ${fact.run} is asked before its round is over`);
        case 'block-ended':
          // What has not begun begins and ends at once.
          if (truth.ledgers.get(fact.run)?.spotOf(fact.block)?.begun !== true) {
            begins(fact.run, fact.block);
          }
          return;
        case 'run-moved': {
          const ledger = truth.ledgers.get(fact.run);
          const to = truth.ledgers.workflow(fact);
          if (ledger === undefined || to === undefined) return violate(`${fact.run} is moved`);
          const block = ledger.differsIn(new Tree(to));
          if (block === undefined) return;
          return violate(`run ${fact.run} is moved to a version in which ${block} is another`);
        }
        case 'run-ended': {
          const ledger = truth.ledgers.get(fact.run);
          if (ledger === undefined) return violate(`${fact.run} ended and never started`);
          if (ledger.ended !== undefined) violate(`run ${fact.run} ended twice`);
          if (fact.state !== 'done') return;
          if (ledger.answer === undefined && !ledger.isOver) {
            return violate(`run ${fact.run} is done and not all of it has settled`);
          }
          const left = ledger.atWork.filter(({ where }) => isWork(where.place.block.kind));
          if (left.length === 0) return;
          const names = left.map(({ where }) => nameOf(where));
          return violate(`run ${fact.run} is done while ${names.join(', ')} are at work`);
        }
        default:
      }
    },
    answered({ operation, outcome }) {
      if (operation.kind !== 'run' || outcome.ok) return;
      left.add(operation.id);
      if (operation.manner?.again !== undefined) left.add(operation.manner.again.id);
    },
    atRest() {
      for (const { run, ended } of truth.ledgers.all()) {
        const [ofWhom = run] = run.split('/');
        if (ended === undefined && !left.has(ofWhom)) violate(`run ${run} has not ended`);
      }
    },
  };
};

/** What an answer waits for: tasks and runs, not persons and times. */
function isWork(kind: string): boolean {
  return kind === 'task' || kind === 'route' || kind === 'call' || kind === 'run';
}
