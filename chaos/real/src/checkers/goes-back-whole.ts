/**
 * Vaults: a transfer is one debit and one credit, or nothing, however often its scope went back, and one that
 * the receiver declined is a debit that was given back; what was done after the last return stands; what a
 * return took back, and what was told to be `REWOUND`, never comes again; each account holds the sum of its
 * entries; and a savepoint of accounts that move money by awaited calls holds all of it.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import { byKey, type Evidence, type Finding, inputOf, told, type Verdict } from './verdict.ts';

const statement = z.object({
  balance: z.number(),
  entries: z.array(z.tuple([z.string(), z.number()])),
});
const transferred = z.object({
  from: z.string(),
  to: z.string(),
  amount: z.number(),
  /** Absent from older histories. */
  declines: z.boolean().optional(),
});
const returned = z.object({ savepoint: z.string() });

/** By the name of their savepoint. */
type Looks = ReadonlyMap<string, Operation>;
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
      const { balance } = read.data;
      sum += balance;
      const held = read.data.entries.reduce((before, [, amount]) => before + amount, 0);
      if (held !== balance) find('wrong', `${account} has ${balance}, not ${held}`);
      for (const [id, amount] of read.data.entries) {
        entries.set(id, [...(entries.get(id) ?? []), [account, amount]]);
      }
    }
    if (sum !== 0) find('wrong', `the accounts hold ${sum} together, not 0`);
    const returns = all.filter(({ action, outcome }) => action === 'back' && outcome !== 'failed');
    const looks = new Map(
      all.filter(({ action }) => action === 'look').map((one) => [one.id, one]),
    );
    for (const operation of all) {
      if (operation.action === 'back') continue;
      const problem =
        operation.action === 'look'
          ? lookProblem(operation, all, returns)
          : transferProblem(operation, entries, { looks, returns });
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
  returns: readonly Operation[],
): Problem | undefined {
  if (look.outcome !== 'ok' || all.some(({ action }) => action === 'post')) return undefined;
  if (returns.some((back) => overlap(back, look)) || look.output === 0) return undefined;
  const what = `${told(look)} has seen ${String(look.output)} together, not 0`;
  return { kind: 'wrong', what };
}

function transferProblem(
  transfer: Operation,
  entries: Entries,
  { looks, returns }: { readonly looks: Looks; readonly returns: readonly Operation[] },
): Problem | undefined {
  const { from, to, amount, declines = false } = inputOf(transferred, transfer);
  const found = entries.get(transfer.id) ?? [];
  const count = (at: string, sum: number) =>
    found.filter(([account, entry]) => account === at && entry === sum).length;
  const debits = count(from, -amount);
  const credits = count(to, amount);
  const backs = count(from, amount);
  const givenBack = backs === 0 ? '' : `, ${backs} times given back`;
  const seen = `${told(transfer)} has ${debits} debits and ${credits} credits${givenBack}`;
  if (debits > 1 || credits > 1 || backs > 1) return { kind: 'doubled', what: seen };
  // What was called off before it was debited leaves a mark of nothing.
  if (found.length > debits + credits + backs + count(from, 0)) {
    return { kind: 'wrong', what: `${seen}, and others` };
  }
  if (debits !== credits + backs) {
    return { kind: credits + backs === 0 ? 'lost' : 'wrong', what: seen };
  }
  if (declines && credits > 0) return { kind: 'wrong', what: `${seen}, and was declined` };
  const { outcome, code } = transfer;
  if (outcome === 'failed' || code === 'REWOUND') {
    return debits === 0 ? undefined : { kind: 'wrong', what: `${seen}, and was told to be none` };
  }
  const wasDeclined = declines && code === 'USER_ERROR';
  if (outcome !== 'ok' && !wasDeclined) return undefined;
  if (backs > 0 && !wasDeclined) return { kind: 'wrong', what: `${seen}, and was told to be done` };
  const mayBeTakenBack = returns.some(({ until }) => until > transfer.from);
  if (debits === 0 && !mayBeTakenBack) return { kind: 'lost', what: seen };
  const taker = debits === 1 ? returns.find((back) => tookBack(back, transfer, looks)) : undefined;
  if (taker === undefined) return undefined;
  return { kind: 'wrong', what: `${seen}, and was taken back by ${taker.id}` };
}

/** It began after the savepoint was there, and had ended before the return to it began. */
function tookBack(back: Operation, transfer: Operation, looks: Looks): boolean {
  if (back.outcome !== 'ok' || transfer.until > back.from) return false;
  const { savepoint } = inputOf(returned, back);
  const look = looks.get(savepoint);
  return look?.outcome === 'ok' && look.until < transfer.from;
}

function overlap(left: Operation, right: Operation): boolean {
  return left.from <= right.until && right.from <= left.until;
}
