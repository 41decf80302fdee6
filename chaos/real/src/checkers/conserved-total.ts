/**
 * The bank: a transfer is one debit and one credit, or nothing; each account's balance is the sum
 * of its entries, and never was below nothing; and so the total of all accounts is what it was at
 * the opening.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import { byKey, type Evidence, type Finding, inputOf, told, type Verdict } from './verdict.ts';

const opening = 100;
const statement = z.object({
  balance: z.number(),
  entries: z.array(z.tuple([z.string(), z.number()])),
});
const transferred = z.object({ from: z.string(), to: z.string(), amount: z.number() });

interface Entry {
  readonly account: string;
  readonly amount: number;
}

export function conservedTotal(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [bank, transfers] of byKey(operations)) {
    const find = (kind: Finding['kind'], what: string, shown: readonly Operation[] = []) =>
      findings.push({ kind, promise, key: bank, what, operations: shown.map(({ id }) => id) });
    const entries = new Map<string, Entry[]>();
    let total = 0;
    let accounts = 0;
    let unread = 0;
    for (const { key: account, value } of finals.filter(({ key }) => key.startsWith(`${bank}/`))) {
      const read = statement.safeParse(value);
      if (!read.success) {
        find('wrong', `the final state of ${account} is no statement: ${JSON.stringify(value)}`);
        unread += 1;
        continue;
      }
      const state = read.data;
      accounts += 1;
      total += state.balance;
      const sum = state.entries.reduce((before, [, amount]) => before + amount, opening);
      if (sum !== state.balance) find('wrong', `${account} has ${state.balance}, not ${sum}`);
      let held = opening;
      for (const [id, amount] of state.entries) {
        held += amount;
        if (held < 0)
          find('wrong', `${account} had ${held} after ${id}: more was taken than there was`);
        entries.set(id, [...(entries.get(id) ?? []), { account, amount }]);
      }
    }
    if (accounts + unread === 0) find('wrong', 'its final state was not read');
    // Without one of the accounts nothing can be said of transfers.
    if (unread > 0) continue;
    let halves = 0;
    for (const transfer of transfers) {
      const found = entries.get(transfer.id) ?? [];
      entries.delete(transfer.id);
      const problem = problemOf(transfer, found);
      if (problem !== undefined) find(problem.kind, problem.what, [transfer]);
      if (mayBeHalf(transfer)) halves += found.reduce((sum, { amount }) => sum + amount, 0);
    }
    for (const id of entries.keys()) find('wrong', `${id} has entries, and nobody asked for it`);
    if (total !== accounts * opening + halves) {
      find('wrong', `the accounts hold ${total} together, not ${accounts * opening + halves}`);
    }
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

interface Problem {
  readonly kind: Finding['kind'];
  readonly what: string;
}

function problemOf(transfer: Operation, found: readonly Entry[]): Problem | undefined {
  const { from, to, amount } = inputOf(transferred, transfer);
  const debits = found.filter((entry) => entry.account === from && entry.amount === -amount).length;
  const credits = found.filter((entry) => entry.account === to && entry.amount === amount).length;
  const seen = `${told(transfer)} has ${debits} debits and ${credits} credits`;
  if (debits > 1 || credits > 1) return { kind: 'doubled', what: seen };
  if (found.length > debits + credits) return { kind: 'wrong', what: `${seen}, and others` };
  if (transfer.outcome === 'ok' && typeof transfer.output !== 'boolean') {
    return { kind: 'wrong', what: `${told(transfer)} was not answered whether it was done` };
  }
  const done = transfer.outcome === 'ok' && transfer.output === true;
  const nothing = transfer.outcome === 'failed' || transfer.output === false;
  if (nothing && found.length > 0) return { kind: 'wrong', what: `${seen}, and was refused` };
  if (done && (debits === 0 || credits === 0)) return { kind: 'lost', what: seen };
  if (debits !== credits && !(mayBeHalf(transfer) && credits === 0)) {
    return { kind: credits === 0 ? 'lost' : 'wrong', what: seen };
  }
  return undefined;
}

/** A turn that was recorded as failed between its two calls: user code is told, and must mend it. */
function mayBeHalf({ action, outcome, code }: Operation): boolean {
  const failedTurn = ['RUNNER_CRASHED', 'TIME_LIMIT', 'USER_ERROR', 'UNANSWERED'];
  return action === 'move' && outcome === 'unknown' && failedTurn.includes(code ?? '');
}
