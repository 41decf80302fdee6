/**
 * What a run does and comes to is what a naive reading of its workflow says, given what its tasks,
 * persons and child runs answered: what each block is given, how many rounds and branches there are,
 * what choices choose, by which version it goes on, and the output of a run that is done. A failed run has a failure that nothing
 * took, or had no time left.
 */
import { isDeepStrictEqual } from 'node:util';
import { decodeValue, type ErrorCode, type Outcome } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker } from './checker.ts';
import { type Expected, expectedOf, goesOn } from './runs/expected.ts';
import { valueAt } from './runs/naive-values.ts';
import type { RunLedger } from './runs/run-ledger.ts';

/** What nobody can read from a workflow: how large what is in it may grow. */
const bounds: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TOO_LARGE', 'RESOURCE_EXHAUSTED']);

type Ended = Extract<SchedulerFact, { kind: 'run-ended' }>;

export const exactResults: MakeChecker = (truth, violate) => {
  /** Compares with what the fact says; with a failure when the naive reading throws. */
  const compare = (run: string, context: string, said: Said): void => {
    const ledger = truth.ledgers.get(run);
    const where = ledger?.tree.find(context);
    // Whether it may begin at all is for `dag-order` to say.
    if (ledger === undefined || where === undefined) return;
    if (ledger.fault(context) !== undefined) return;
    const expected = reading(() => expectedOf(ledger, where));
    if (saysSo(said, expected)) return;
    violate(`block ${context} of ${run} is ${text(said)}, not ${text(expected)}`);
  };
  /** A run goes on by the version that it has, and so do the runs in it. */
  const keepsVersion = (run: string, bundle: string, what: string): void => {
    const own = truth.ledgers.get(run)?.bundle ?? bundle;
    if (own !== bundle) violate(`${what} goes by bundle ${bundle}, ${run} by ${own}`);
  };
  return {
    journalFact(fact) {
      switch (fact.kind) {
        case 'task-submitted': {
          if (fact.run === undefined) return;
          keepsVersion(fact.run.run, fact.bundle, fact.task);
          const said = { kind: 'task' as const, input: decodeValue(fact.input) };
          return compare(fact.run.run, fact.run.block, said);
        }
        case 'block-paused': {
          const prompt = decodeValue(fact.prompt);
          const said = { kind: 'pause' as const, prompt, isLimited: fact.until !== undefined };
          return compare(fact.run, fact.block, said);
        }
        case 'block-waiting':
          return compare(fact.run, fact.block, { kind: 'wait' });
        case 'branches-expanded':
          return compare(fact.run, fact.block, { kind: 'turns', count: fact.count });
        case 'round-decided':
          return checkRound(truth.ledgers.get(fact.run), fact, violate);
        case 'run-started': {
          if (fact.parent === undefined) return;
          keepsVersion(fact.parent.run, fact.bundle, fact.run);
          const { workflow } = fact;
          const said = { kind: 'run' as const, workflow, input: decodeValue(fact.input) };
          return compare(fact.parent.run, fact.parent.block, said);
        }
        case 'block-ended': {
          const ledger = truth.ledgers.get(fact.run);
          const spot = ledger?.spotOf(fact.block);
          if (spot === undefined) {
            return compare(fact.run, fact.block, { kind: 'end', outcome: fact.outcome });
          }
          const { kind } = spot.where.place.block;
          const isRight = endsWell(kind, fact.outcome, spot.turns?.asks === true);
          if (!isRight)
            violate(`${kind} ${fact.block} of ${fact.run} ends as ${text(fact.outcome)}`);
          return;
        }
        case 'run-ended': {
          const ledger = truth.ledgers.get(fact.run);
          if (ledger !== undefined) checkEnd(ledger, fact, violate);
          return;
        }
        default:
      }
    },
  };
};

type Said =
  | { readonly kind: 'task'; readonly input: unknown }
  | { readonly kind: 'pause'; readonly prompt: unknown; readonly isLimited: boolean }
  | { readonly kind: 'wait' }
  | { readonly kind: 'turns'; readonly count: number | undefined }
  | { readonly kind: 'run'; readonly workflow: string; readonly input: unknown }
  | { readonly kind: 'end'; readonly outcome: Outcome };

type Read = Expected | { readonly kind: 'fault'; readonly why: string };

function reading(read: () => Expected): Read {
  try {
    return read();
  } catch (thrown) {
    return { kind: 'fault', why: String(thrown) };
  }
}

function saysSo(said: Said, expected: Read): boolean {
  if (said.kind === 'end' && !said.outcome.ok) {
    return expected.kind === 'fault' || bounds.has(said.outcome.failure.code);
  }
  switch (expected.kind) {
    case 'task':
      return said.kind === 'task' && isDeepStrictEqual(said.input, expected.input);
    case 'pause': {
      if (said.kind !== 'pause') return false;
      const isLimited = expected.limitMs !== undefined;
      return said.isLimited === isLimited && isDeepStrictEqual(said.prompt, expected.prompt);
    }
    case 'wait':
      return said.kind === 'wait';
    case 'turns':
      return said.kind === 'turns' && said.count === expected.count;
    case 'run': {
      if (said.kind !== 'run' || said.workflow !== expected.workflow) return false;
      return isDeepStrictEqual(said.input, expected.input);
    }
    case 'end':
      return said.kind === 'end' && isValue(said.outcome, expected.value);
    case 'fault':
      return false;
  }
}

/** Whether what has begun may end so by a fact of its own. */
function endsWell(kind: string, outcome: Outcome, asks: boolean): boolean {
  const code = outcome.ok ? undefined : outcome.failure.code;
  if (kind === 'pause') return outcome.ok || code === 'DEADLINE_EXCEEDED';
  if (kind === 'wait') return isValue(outcome, null);
  return kind === 'loop' && asks && code !== undefined && bounds.has(code);
}

function checkRound(
  ledger: RunLedger | undefined,
  { block, more }: Extract<SchedulerFact, { kind: 'round-decided' }>,
  violate: (text: string) => void,
): void {
  const spot = ledger?.spotOf(block);
  if (ledger === undefined || spot?.turns === undefined) return;
  const { where, turns } = spot;
  if (goesOn(ledger, where, turns.over.size) === more) return;
  violate(`loop ${block} of ${ledger.run} ${more ? 'goes on' : 'ends'} after ${turns.over.size}`);
}

function checkEnd(
  ledger: RunLedger,
  { run, state, outcome }: Ended,
  violate: (text: string) => void,
) {
  const { failed, answer, limitMs } = ledger;
  if (state === 'cancelled') return;
  if (outcome.ok) {
    if (answer === undefined && failed !== undefined) {
      return violate(`run ${run} is done, but failed with ${text(failed)}`);
    }
    const given = answer?.came?.outcome;
    const value =
      given?.ok === true ? decodeValue(given.value) : valueAt(ledger, ledger.tree.workflow.output);
    if (!isValue(outcome, value)) violate(`run ${run} gave ${text(outcome)}, not ${text(value)}`);
    return;
  }
  const { code: said, details } = outcome.failure;
  // What a run within could not undo is its own failure, and may be that of this one.
  const isOwn = said === 'COMPENSATION_FAILED' && failed?.code !== said;
  const code = isOwn ? ((details?.['code'] ?? said) as ErrorCode) : said;
  if (code === 'TIME_LIMIT' && limitMs !== undefined && details?.['block'] === undefined) return;
  if (failed !== undefined ? failed.code === code : bounds.has(code)) return;
  violate(`run ${run} failed with ${code}, ${failed?.code ?? 'no block of it'} did`);
}

function isValue(outcome: Outcome, value: unknown): boolean {
  return outcome.ok && isDeepStrictEqual(decodeValue(outcome.value), value);
}

function text(value: unknown): string {
  const plain = (_key: string, part: unknown) =>
    part instanceof Uint8Array ? decodeValue(part) : part;
  return JSON.stringify(value, plain);
}
