/**
 * Registers: is there one order of all operations of a key, in which each takes effect between its
 * call and its answer, that explains every answer? A depth-first search after Wing and Gong that
 * remembers where it has been (Lowe).
 *
 * L1  an operation may come next only if no other that is not yet placed ended before it began.
 * L2  an unknown operation may take effect at any time after its call, or never.
 * L3  a search that takes more than `statesMax` states is undecided, never a verdict.
 * L4  what a register holds at the end is a read after everything that was answered.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import { byKey, type Evidence, type Finding, finalOf, inputOf, type Verdict } from './verdict.ts';

const initial = 0;
const statesMax = 200_000;
const written = z.object({ to: z.number() });
const swapped = z.object({ from: z.number(), to: z.number() });

export function linearizable(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  let undecided = 0;
  for (const [key, own] of byKey(operations)) {
    const last = lastRead(own, finalOf(finals, key));
    if (last === undefined) {
      const what = 'its final state was not read';
      findings.push({ kind: 'wrong', promise, key, what, operations: [] });
      continue;
    }
    const all = [...own, last];
    const answer = search(all);
    if (answer === 'undecided') undecided += 1;
    if (answer !== 'impossible') continue;
    const ids = smallestImpossible(all).map(({ id }) => id);
    const what = `no order of these ${ids.length} operations explains every answer`;
    findings.push({ kind: 'out-of-order', promise, key, what, operations: ids });
  }
  return { promise, checked: operations.length, undecided, findings };
}

/** L4. Undefined when it was not read. */
function lastRead(own: readonly Operation[], output: unknown): Operation | undefined {
  const [first] = own;
  if (first === undefined || typeof output !== 'number') return undefined;
  const { input: _, code: __, message: ___, ...base } = first;
  const from = own.reduce((latest, { until }) => Math.max(latest, until), 0) + 1;
  const read = { id: 'the last read', action: 'read', from, until: from } as const;
  return { ...base, ...read, outcome: 'ok', output };
}

type Answer = 'possible' | 'impossible' | 'undecided';

/** The shortest beginning of the history, by the time of the answers, that has no order. */
function smallestImpossible(operations: readonly Operation[]): readonly Operation[] {
  const ends = operations.toSorted((left, right) => left.until - right.until);
  for (let count = 1; count < ends.length; count += 1) {
    const until = ends[count - 1]?.until ?? 0;
    // What had begun but not ended by then is as good as unknown.
    const seen = operations
      .filter(({ from }) => from <= until)
      .map((one): Operation => (one.until <= until ? one : { ...one, outcome: 'unknown' }));
    if (search(seen) === 'impossible') return seen;
  }
  return operations;
}

function search(operations: readonly Operation[]): Answer {
  // Reads that told nobody anything explain nothing.
  const useful = operations
    .filter(
      ({ outcome, action }) => outcome === 'ok' || (outcome === 'unknown' && action !== 'read'),
    )
    .toSorted((left, right) => left.from - right.from);
  const required = useful.reduce(
    (bits, one, at) => (isOk(one) ? bits | (1n << BigInt(at)) : bits),
    0n,
  );
  const been = new Set<string>();
  const stack: { readonly placed: bigint; readonly value: number }[] = [
    { placed: 0n, value: initial },
  ];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if ((at.placed & required) === required) return 'possible';
    const name = `${at.placed}:${at.value}`;
    if (been.has(name)) continue;
    been.add(name);
    if (been.size > statesMax) return 'undecided';
    for (const { index, operation } of candidates(useful, at.placed)) {
      const value = after(operation, at.value);
      if (value !== undefined) stack.push({ placed: at.placed | (1n << BigInt(index)), value });
    }
  }
  return 'impossible';
}

/** L1. Operations stand in the order of their calls. */
function candidates(operations: readonly Operation[], placed: bigint) {
  const found: { index: number; operation: Operation }[] = [];
  let earliestEnd = Number.POSITIVE_INFINITY;
  for (const [index, operation] of operations.entries()) {
    if ((placed & (1n << BigInt(index))) !== 0n) continue;
    if (operation.from > earliestEnd) break;
    found.push({ index, operation });
    if (isOk(operation)) earliestEnd = Math.min(earliestEnd, operation.until);
  }
  return found;
}

/** The value after the operation; undefined when its answer does not fit the value before. */
function after(operation: Operation, value: number): number | undefined {
  const { action, output } = operation;
  if (action === 'read') return output === value ? value : undefined;
  if (action === 'write') return inputOf(written, operation).to;
  const { from, to } = inputOf(swapped, operation);
  const done = value === from;
  if (isOk(operation) && output !== done) return undefined;
  return done ? to : value;
}

const isOk = ({ outcome }: Operation) => outcome === 'ok';
