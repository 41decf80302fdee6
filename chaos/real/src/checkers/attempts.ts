/**
 * Tasks: the call of an attempt took effect at most once; a finished task has the mark of the
 * attempt whose result it has, one without retries no other; its result is exact, and the same
 * whenever it is asked for; and nothing is run that nobody asked for.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import {
  byKey,
  type Evidence,
  type Finding,
  finalOf,
  inputOf,
  told,
  type Verdict,
} from './verdict.ts';

const ledger = z.array(z.string());
const result = z.object({ doubled: z.number(), attempt: z.number(), nonce: z.string() });
const given = z.object({ number: z.number(), of: z.string().optional() });

export function attempts(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  const find = (kind: Finding['kind'], task: Operation, what: string) =>
    findings.push({ kind, promise, key: task.key, what, operations: [task.id] });
  for (const [key, tasks] of byKey(operations)) {
    const read = ledger.safeParse(finalOf(finals, key));
    const [first] = tasks;
    if (!read.success) {
      if (first !== undefined) find('wrong', first, 'its final state was not read');
      continue;
    }
    const marks = read.data;
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
      if (task.outcome === 'ok' && !seen.includes(attemptOf(task) ?? seen[0] ?? '')) {
        const what = `has no mark of attempt ${attemptOf(task)}, whose result it has`;
        find('lost', task, `${told(task)} ${seen.length === 0 ? 'has no mark' : what}`);
      }
      if (task.outcome === 'failed' && seen.length > 0) {
        find('wrong', task, `${told(task)} was said not to be done, and was run`);
      }
    }
    const asked = new Set(submitted.map(({ id }) => id));
    for (const id of byTask.keys()) {
      if (asked.has(id) || first === undefined) continue;
      find('wrong', first, `${id} was run, and nobody asked for it`);
    }
    findings.push(...wrongResults(promise, tasks));
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

/** The attempt whose result the task has. */
function attemptOf({ output }: Operation): string | undefined {
  const { data } = result.safeParse(output);
  return data === undefined ? undefined : String(data.attempt);
}

function wrongResults(promise: string, tasks: readonly Operation[]): Finding[] {
  const findings: Finding[] = [];
  const nonces = new Map<string, string>();
  for (const task of tasks) {
    if (task.outcome !== 'ok') continue;
    const find = (what: string) =>
      findings.push({ kind: 'wrong', promise, key: task.key, what, operations: [task.id] });
    const { number, of } = inputOf(given, task);
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
