/** Runs: what a run answers is exactly what its graph comes to, and it answers once. */
import { z } from 'zod';
import { type Evidence, type Finding, inputOf, told, type Verdict } from './verdict.ts';

const given = z.object({ items: z.array(z.number()), answer: z.number() });
const result = z.object({ squares: z.array(z.number()), total: z.number() });

export function exactResults(promise: string, { operations }: Evidence): Verdict {
  const findings: Finding[] = [];
  const finished = operations.filter(({ action, outcome }) => action === 'run' && outcome === 'ok');
  for (const run of finished) {
    const { items, answer } = inputOf(given, run);
    const squares = items.map((item) => item * item);
    const total = squares.reduce((sum, one) => sum + one, answer);
    const output = result.safeParse(run.output);
    if (output.success && JSON.stringify(output.data) === JSON.stringify({ squares, total }))
      continue;
    const what = `${told(run)} gave ${JSON.stringify(run.output)}, not ${JSON.stringify({ squares, total })}`;
    findings.push({ kind: 'wrong', promise, key: run.key, what, operations: [run.id] });
  }
  return { promise, checked: finished.length, undecided: 0, findings };
}
