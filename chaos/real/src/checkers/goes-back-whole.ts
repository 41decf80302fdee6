/**
 * Vaults: a transfer is one debit and one credit, or nothing, however often its scope went back; what was
 * done after the last return stands; what a return took back, and what was told to be `REWOUND`, never
 * comes again; and a savepoint of accounts that move money by awaited calls holds all of it.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import { byKey, type Evidence, type Finding, inputOf, told, type Verdict } from './verdict.ts';

const statement = z.object({
  balance: z.number(),
  entries: z.array(z.tuple([z.string(), z.number()])),
});
const transferred = z.object({ from: z.string(), to: z.string(), amount: z.number() });
const returned = z.object({ savepoint: z.string() });

type Entries = ReadonlyMap<string, readonly (readonly [account: string, amount: number])[]>;

export function goesBackWhole(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, all] of byKey(operations)) {
    const find = (kind: Finding['kind'], what: string, id?: string) =>
      findings.push({ kind, promise, key, what, operations: id === undefined ? [] : [id] });
    const entries = new Map<string, [string, number][]>();
    const mine = finals.filter((final) => final.key.startsWith(`${key}/`));
    if (mine.length === 0) find('wrong', 'its final state was not read');
    let sum = 0;
    for (const { key: account, value } of mine) {
      const read = statement.safeParse(value);
      if (!read.success) {
        find('wrong', `the final state of ${account} is no statement: ${JSON.stringify(value)}`);
        continue;
      }
      sum += read.data.balance;
      for (const [id, amount] of read.data.entries) {
        entries.set(id, [...(entries.get(id) ?? []), [account, amount]]);
      }
    }
    if (sum !== 0) find('wrong', `the accounts hold ${sum} together, not 0`);
    const backs = all.filter(({ action, outcome }) => action === 'back' && outcome !== 'failed');
    for (const operation of all) {
      if (operation.action === 'back') continue;
      const problem =
        operation.action === 'look'
          ? lookProblem(operation, all, backs)
          : transferProblem(operation, entries, { all, backs });
      if (problem !== undefined) find(problem.kind, problem.what, operation.id);
      entries.delete(operation.id);
    }
    for (const id of entries.keys()) find('wrong', `${id} has entries, and nobody asked for it`);
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

interface Problem {
  readonly kind: Finding['kind'];
  readonly what: string;
}

/** Money that letters carry is between two accounts; what is read while a scope goes back may be of either
 *  time. */
function lookProblem(
  look: Operation,
  all: readonly Operation[],
  backs: readonly Operation[],
): Problem | undefined {
  if (look.outcome !== 'ok' || all.some(({ action }) => action === 'post')) return undefined;
  if (backs.some((back) => overlap(back, look)) || look.output === 0) return undefined;
  const what = `${told(look)} has seen ${String(look.output)} together, not 0`;
  return { kind: 'wrong', what };
}

function transferProblem(
  transfer: Operation,
  entries: Entries,
  { all, backs }: { readonly all: readonly Operation[]; readonly backs: readonly Operation[] },
): Problem | undefined {
  const { from, to, amount } = inputOf(transferred, transfer);
  const found = entries.get(transfer.id) ?? [];
  const debits = found.filter(([account, sum]) => account === from && sum === -amount).length;
  const credits = found.filter(([account, sum]) => account === to && sum === amount).length;
  const seen = `${told(transfer)} has ${debits} debits and ${credits} credits`;
  if (debits > 1 || credits > 1) return { kind: 'doubled', what: seen };
  if (found.length > debits + credits) return { kind: 'wrong', what: `${seen}, and others` };
  if (debits !== credits) return { kind: credits === 0 ? 'lost' : 'wrong', what: seen };
  const { outcome, code } = transfer;
  if (outcome === 'failed' || code === 'REWOUND') {
    return debits === 0 ? undefined : { kind: 'wrong', what: `${seen}, and was told to be none` };
  }
  if (outcome !== 'ok') return undefined;
  const mayBeTakenBack = backs.some(({ until }) => until > transfer.from);
  if (debits === 0 && !mayBeTakenBack) return { kind: 'lost', what: seen };
  const taker = debits === 1 ? backs.find((back) => tookBack(back, transfer, all)) : undefined;
  if (taker === undefined) return undefined;
  return { kind: 'wrong', what: `${seen}, and was taken back by ${taker.id}` };
}

/** It began after the savepoint was there, and had ended before the return to it began. */
function tookBack(back: Operation, transfer: Operation, all: readonly Operation[]): boolean {
  if (back.outcome !== 'ok' || transfer.until > back.from) return false;
  const { savepoint } = inputOf(returned, back);
  const look = all.find(({ id, action }) => id === savepoint && action === 'look');
  return look !== undefined && look.outcome === 'ok' && look.until < transfer.from;
}

function overlap(left: Operation, right: Operation): boolean {
  return left.from <= right.until && right.from <= left.until;
}
