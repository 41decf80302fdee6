/** What a context does when it begins, found naively from what its workflow says. */
import type { Block, Expression } from '@troupe/model';
import { holds, itemsAt, type Stand, valueAt } from './naive-values.ts';
import type { RunLedger } from './run-ledger.ts';
import type { Where } from './tree.ts';

export type Expected =
  | { readonly kind: 'task'; readonly input: unknown }
  | { readonly kind: 'pause'; readonly prompt: unknown; readonly limitMs: number | undefined }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'turns'; readonly count: number | undefined }
  | { readonly kind: 'run'; readonly workflow: string; readonly input: unknown }
  | { readonly kind: 'end'; readonly value: unknown };

/** Throws when it must fail. */
export function expectedOf(ledger: RunLedger, where: Where): Expected {
  const { block, part } = where.place;
  const at = (expression: Expression): unknown => valueAt(ledger, expression, where);
  if (part === 'each') return { kind: 'turns', count: itemsAt(ledger, where).length };
  switch (block.kind) {
    case 'task':
    case 'route':
      return { kind: 'task', input: at(block.input) };
    case 'call': {
      const { type, method, args } = block;
      return { kind: 'task', input: { type, key: at(block.key), method, args: args.map(at) } };
    }
    case 'pause':
      return { kind: 'pause', prompt: at(block.prompt), limitMs: block.limitMs };
    case 'wait':
      return { kind: 'wait', ms: Number(at(block.ms)) };
    case 'choice':
      return { kind: 'end', value: { port: portOf(ledger, where, block) } };
    case 'value':
    case 'answer':
      return { kind: 'end', value: at(block.value) };
    case 'run':
      return { kind: 'run', workflow: block.workflow, input: at(block.input) };
    case 'parallel': {
      const { branches } = block;
      const count = 'items' in branches ? itemsAt(ledger, where).length : at(branches.count);
      return { kind: 'turns', count: Number(count) };
    }
    case 'loop': {
      const { rounds } = block;
      if ('items' in rounds) return { kind: 'turns', count: itemsAt(ledger, where).length };
      if ('count' in rounds) return { kind: 'turns', count: Number(at(rounds.count)) };
      if ('until' in rounds) return { kind: 'turns', count: undefined };
      return { kind: 'turns', count: goesOn(ledger, where, 0) ? undefined : 0 };
    }
  }
}

/** Whether there is another round after so many. */
export function goesOn(ledger: RunLedger, where: Where, rounds: number): boolean {
  const { block } = where.place;
  if (block.kind !== 'loop') return false;
  const { rounds: how } = block;
  if ('while' in how) {
    return holds(how.while.when, named(ledger, how.while.values, { ...where, round: rounds }));
  }
  if (!('until' in how)) return false;
  return !holds(how.until.when, named(ledger, how.until.values, { ...where, round: rounds - 1 }));
}

function portOf(
  ledger: RunLedger,
  where: Where,
  { cases, values, otherwise }: Extract<Block, { kind: 'choice' }>,
): string | null {
  const found = named(ledger, values, where);
  return cases.find(({ when }) => holds(when, found))?.port ?? otherwise ?? null;
}

function named(
  ledger: RunLedger,
  values: { readonly [name: string]: Expression } = {},
  where: Stand,
): { readonly [name: string]: unknown } {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([name, part]) => [name, valueAt(ledger, part, where)]));
}
