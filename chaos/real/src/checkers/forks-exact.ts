/**
 * Forks: what was made of a checkpoint holds what that was shown to hold, which is what its source held after some
 * turn: the first ids of what it holds in the end, and no more of them than it had taken turns.
 */
import { z } from 'zod';
import {
  byKey,
  type Evidence,
  type Finding,
  finalOf,
  inputOf,
  told,
  type Verdict,
} from './verdict.ts';

const given = z.object({ adds: z.number() });
const ledger = z.array(z.string());
const fork = z.object({ turn: z.number(), shown: z.object({ ids: ledger }), ids: ledger });

export function forksExact(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  let checked = 0;
  for (const [key, forks] of byKey(operations)) {
    const source = ledger.safeParse(finalOf(finals, key));
    for (const one of forks) {
      inputOf(given, one);
      // Nothing was made of it.
      if (one.outcome !== 'ok' || one.output === undefined) continue;
      checked += 1;
      const find = (what: string) =>
        findings.push({
          kind: 'wrong',
          promise,
          key,
          what: `${told(one)} ${what}`,
          operations: [one.id],
        });
      const output = fork.safeParse(one.output);
      if (!output.success) find(`gave ${JSON.stringify(one.output)}`);
      else if (!source.success) find('is of a source whose final state was not read');
      else {
        const { turn, shown, ids } = output.data;
        if (JSON.stringify(ids) !== JSON.stringify(shown.ids)) {
          find(
            `holds ${ids.length} ids, its checkpoint ${shown.ids.length}, which are not the same`,
          );
        }
        const astray = ids.findIndex((id, at) => source.data[at] !== id);
        if (astray >= 0)
          find(`holds ${ids[astray]} at ${astray}, its source ${source.data[astray]}`);
        if (ids.length > turn) find(`holds ${ids.length} ids after ${turn} turns`);
      }
    }
  }
  return { promise, checked, undecided: 0, findings };
}
