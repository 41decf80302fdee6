/** Nested runs: what one answers is exactly what its workflow comes to, and the call of each round of
 *  each branch took effect once. */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import { large, rounds } from '../voyages.ts';
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
const given = z.object({
  items: z.array(z.number()),
  size: z.number(),
  answers: z.object({ first: z.number(), second: z.number() }),
});

export function exactVoyages(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, voyages] of byKey(operations)) {
    const find = (kind: Finding['kind'], what: string, { id }: Pick<Operation, 'id'>) =>
      findings.push({ kind, promise, key, what, operations: [id] });
    const ids = ledger.safeParse(finalOf(finals, key));
    if (!ids.success) {
      find('wrong', 'its final state was not read', voyages[0] ?? { id: '' });
      continue;
    }
    const times = new Map<string, number>();
    for (const id of ids.data) times.set(id, (times.get(id) ?? 0) + 1);
    for (const voyage of voyages) {
      const expected = expectedOf(voyage);
      if (voyage.outcome === 'ok' && !isSame(voyage.output, expected)) {
        const what = `gave ${JSON.stringify(voyage.output)}, not ${JSON.stringify(expected)}`;
        find('wrong', `${told(voyage)} ${what}`, voyage);
      }
      for (const effect of effectsOf(voyage)) {
        const count = times.get(effect) ?? 0;
        if (count > 1) find('doubled', `${effect} took effect ${count} times`, voyage);
        if (voyage.outcome === 'ok' && count === 0) find('lost', `${effect} has no effect`, voyage);
        if (voyage.outcome === 'failed' && count > 0) {
          find('wrong', `${told(voyage)} was said not to be done, and ${effect} was`, voyage);
        }
        times.delete(effect);
      }
    }
    for (const id of times.keys()) {
      find('wrong', `${id} took effect, and nobody asked for it`, { id });
    }
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

function expectedOf(voyage: Operation): object {
  const { items, size, answers } = inputOf(given, voyage);
  const { first, second } = answers;
  return {
    squares: items.map((item) => Array.from({ length: rounds }, () => item * item)),
    way: size >= large ? 'long' : 'short',
    caught: 'caught',
    first,
    second,
    child: { squared: first * first },
    refused: true,
  };
}

/** An id for each round of each branch. */
function effectsOf(voyage: Operation): readonly string[] {
  const { id } = voyage;
  const { items } = inputOf(given, voyage);
  return items.flatMap((_, branch) =>
    Array.from({ length: rounds }, (_, round) => `${id}/${branch}.${round}`),
  );
}

function isSame(output: unknown, expected: object): boolean {
  if (typeof output !== 'object' || output === null) return false;
  const names = Object.keys(expected);
  const has = output as { readonly [name: string]: unknown };
  const wants = expected as { readonly [name: string]: unknown };
  return (
    Object.keys(output).length === names.length &&
    names.every((name) => JSON.stringify(has[name]) === JSON.stringify(wants[name]))
  );
}
