/**
 * A run that ends without its output has undone all that it did and that something undoes, by the facts of the journal:
 * each once, one after the other, what ended last first; what was at work too, of which it is not said what it came to.
 * What could not be undone is named in its failure. A run that comes to its output undoes nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import { decodeValue, limits, type Outcome } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker } from './checker.ts';
import type { RunLedger, Spot } from './runs/run-ledger.ts';
import { nameOf, undoneBy, type Where } from './runs/tree.ts';

interface Undo {
  /** What is being undone. */
  atWork: string | undefined;
  /** When what was undone last had settled. */
  last: number;
  /** What was at work when nobody waited for it any more, and may have been done. */
  readonly letGo: Set<string>;
  readonly failed: Set<string>;
}

export const runUndoneInReverse: MakeChecker = (truth, violate) => {
  const undos = new Map<string, Undo>();
  const undoOf = (run: string): Undo => {
    const known = undos.get(run);
    if (known !== undefined) return known;
    const undo = {
      atWork: undefined,
      last: Infinity,
      letGo: new Set<string>(),
      failed: new Set<string>(),
    };
    undos.set(run, undo);
    return undo;
  };
  const begins = (ledger: RunLedger, block: string, input: Uint8Array): void => {
    const { run } = ledger;
    const undo = undoOf(run);
    const where = ledger.tree.find(block);
    if (where === undefined || !isUndoable(where))
      return violate(`${block} of ${run} is undone by nothing`);
    if (ledger.undoing === undefined || ledger.ended !== undefined) {
      violate(`block ${block} of ${run} is undone, which does not undo what it did`);
    }
    if (undo.atWork !== undefined)
      violate(`block ${block} of ${run} is undone beside ${undo.atWork}`);
    if (ledger.undone.has(block)) violate(`block ${block} of ${run} is undone twice`);
    undo.atWork = block;
    const spot = ledger.spotOf(block);
    const isDone = spot?.came?.failed === false;
    if (spot === undefined || (!isDone && !undo.letGo.has(block))) {
      return violate(`block ${block} of ${run} is undone, and did nothing`);
    }
    if (!ledger.isOwn(spot))
      violate(`block ${block} of ${run} is undone, which an earlier run did`);
    if (isDone) {
      const order = spot.came?.order ?? 0;
      if (order > undo.last)
        violate(`block ${block} of ${run} is undone after what ended before it`);
      undo.last = order;
    }
    const said = decodeValue(input) as { readonly undoes?: unknown };
    if (!('undoes' in said)) return;
    const done = isDone ? doneAt(spot) : null;
    if (!isDeepStrictEqual(said.undoes, done)) {
      violate(
        `block ${block} of ${run} is undone as ${JSON.stringify(said.undoes)}, not ${JSON.stringify(done)}`,
      );
    }
  };
  const ends = (run: string, block: string, outcome: Outcome, attempt: number): void => {
    const ledger = truth.ledgers.get(run);
    if (ledger === undefined) return;
    const undone = undoneBy(block);
    if (undone !== undefined) {
      const undo = undoOf(run);
      undo.atWork = undefined;
      if (!outcome.ok) undo.failed.add(undone);
      return;
    }
    const where = ledger.tree.find(block);
    const spot = ledger.spotOf(block);
    if (where === undefined || spot === undefined || spot.came !== undefined) return;
    const isLetGo = ledger.isOut || ledger.faultAround(where) !== undefined;
    const mayBeDone = outcome.ok || (outcome.failure.code === 'CANCELLED' && attempt > 0);
    if (isLetGo && mayBeDone && isUndoable(where)) undoOf(run).letGo.add(block);
  };
  const over = ({ run, state, outcome }: Extract<SchedulerFact, { kind: 'run-ended' }>): void => {
    const ledger = truth.ledgers.get(run);
    if (ledger === undefined) return;
    const { failed, letGo, atWork } = undoOf(run);
    undos.delete(run);
    if (state === 'done') {
      if (ledger.undoing !== undefined) violate(`run ${run} is done, and undid what it did`);
      return;
    }
    if (outcome.ok) return;
    const { code, details } = outcome.failure;
    const named = String(details?.['blocks'] ?? '').split(', ');
    const isCut = Number(details?.['blocksCount'] ?? 0) > limits.undoNamedMax;
    const isNamed = (block: string) =>
      code === 'COMPENSATION_FAILED' && (isCut || named.includes(block));
    const did = [...ledger.spots.values()].filter(
      (spot) => spot.came?.failed === false && ledger.isOwn(spot) && isUndoable(spot.where),
    );
    for (const block of [...did.map(({ where }) => nameOf(where)), ...letGo]) {
      const isUndone = ledger.undone.has(block) && block !== atWork && !failed.has(block);
      if (!isUndone && !isNamed(block))
        violate(`block ${block} of ${run} is not undone, and not named`);
    }
  };
  return {
    journalFact(fact) {
      switch (fact.kind) {
        case 'task-submitted': {
          const undone = fact.run === undefined ? undefined : undoneBy(fact.run.block);
          const ledger = truth.ledgers.get(fact.run?.run ?? '');
          if (undone !== undefined && ledger !== undefined) begins(ledger, undone, fact.input);
          return;
        }
        case 'task-ended': {
          const task = truth.tasks.get(fact.task);
          if (task?.run !== undefined)
            ends(task.run.run, task.run.block, fact.outcome, task.attempt);
          return;
        }
        case 'block-not-undone':
          undoOf(fact.run).failed.add(fact.block);
          return;
        case 'run-undoing':
          if (truth.ledgers.get(fact.run)?.undoing !== undefined)
            violate(`run ${fact.run} is undone twice`);
          return;
        case 'run-ended':
          return over(fact);
        default:
      }
    },
  };
};

/** Of a block with `each` its branches are undone. */
function isUndoable({ place }: Where): boolean {
  return place.block.undo !== undefined && place.part !== 'each';
}

/** What the block came to, as far as what undoes it is told. */
function doneAt({ came, where }: Spot): unknown {
  const { undo } = where.place.block;
  if (undo?.kind !== 'task' || came?.outcome?.ok !== true) return null;
  const { undoes } = undo.input as { readonly undoes?: { readonly $ref: readonly string[] } };
  let value: unknown = decodeValue(came.outcome.value);
  for (const key of undoes?.$ref.slice(2) ?? []) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null;
    value = (value as Record<string, unknown>)[key];
  }
  return value ?? null;
}
