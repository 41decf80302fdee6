/**
 * Tasks: the call of an attempt took effect at most once; a finished task was run, one without
 * retries at most once; its result is exact, and the same whenever it is asked for.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import { byKey, type Evidence, type Finding, finalOf, told, type Verdict } from './verdict.ts';

const ledger = z.array(z.string());
const result = z.object({ doubled: z.number(), attempt: z.number(), nonce: z.string() });
const given = z.object({ number: z.number(), of: z.string().optional() });

export function attempts(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  const find = (kind: Finding['kind'], task: Operation, what: string) =>
    findings.push({ kind, promise, key: task.key, what, operations: [task.id] });
  for (const [key, tasks] of byKey(operations)) {
    const marks = ledger.safeParse(finalOf(finals, key)).data ?? [];
    const byTask = new Map<string, string[]>();
    for (const mark of marks) {
      const [id = '', attempt = ''] = mark.split('#');
      byTask.set(id, [...(byTask.get(id) ?? []), attempt]);
    }
    const submitted = tasks.filter(({ action }) => action !== 'again');
    for (const task of submitted) {
      const seen = byTask.get(task.id) ?? [];
      if (new Set(seen).size < seen.length) {
        find('doubled', task, `${told(task)} has marks of attempts ${seen.join(', ')}`);
      }
      if (task.action === 'once' && seen.length > 1) {
        find('doubled', task, `${told(task)} was run ${seen.length} times, without retries`);
      }
      if (task.outcome === 'ok' && seen.length === 0) {
        find('lost', task, `${told(task)} has no mark`);
      }
      if (task.outcome === 'failed' && seen.length > 0) {
        find('wrong', task, `${told(task)} was said not to be done, and was run`);
      }
    }
    findings.push(...wrongResults(promise, tasks));
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

function wrongResults(promise: string, tasks: readonly Operation[]): Finding[] {
  const findings: Finding[] = [];
  const nonces = new Map<string, string>();
  for (const task of tasks) {
    if (task.outcome !== 'ok') continue;
    const find = (what: string) =>
      findings.push({ kind: 'wrong', promise, key: task.key, what, operations: [task.id] });
    const { number, of } = given.parse(task.input);
    const output = result.safeParse(task.output);
    if (!output.success || output.data.doubled !== number * 2) {
      find(`${told(task)} of ${number} gave ${JSON.stringify(task.output)}`);
      continue;
    }
    const first = nonces.get(of ?? task.id);
    if (first !== undefined && first !== output.data.nonce) {
      find(`${told(task)} gave another result than ${of} had`);
    }
    nonces.set(of ?? task.id, output.data.nonce);
  }
  return findings;
}
