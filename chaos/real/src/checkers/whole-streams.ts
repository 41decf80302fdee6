/**
 * Streams: who took one to its end has each position once, in order, whichever run of the turn has
 * yielded it; a later run has yielded only behind an earlier one; and whoever takes it later is given the same.
 */
import { z } from 'zod';
import { type Evidence, type Finding, inputOf, told, type Verdict } from './verdict.ts';

const given = z.object({ count: z.number() });
const taken = z.object({
  verses: z.array(z.tuple([z.number(), z.string()])),
  reply: z.number(),
  again: z.boolean(),
});

export function wholeStreams(promise: string, { operations }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const recital of operations) {
    const { count } = inputOf(given, recital);
    if (recital.outcome !== 'ok') continue;
    const find = (kind: Finding['kind'], what: string): void => {
      const text = `${told(recital)} ${what}`;
      findings.push({ kind, promise, key: recital.key, what: text, operations: [recital.id] });
    };
    const output = taken.safeParse(recital.output);
    if (!output.success) {
      find('wrong', `gave ${JSON.stringify(recital.output) ?? 'nothing'}`);
      continue;
    }
    const { verses, reply, again } = output.data;
    const places = verses.map(([at]) => at);
    if (new Set(places).size < places.length) find('doubled', 'gave a position twice');
    else if (places.length < count) find('lost', `gave ${places.length} of ${count} values`);
    else if (places.some((at, place) => at !== place)) find('out-of-order', 'gave values astray');
    const runs = verses.map(([, run]) => run);
    const changes = runs.filter((run, at) => at > 0 && run !== runs[at - 1]).length;
    if (changes + 1 > Math.max(1, new Set(runs).size)) {
      find('wrong', 'gave values of an earlier run behind those of a later one');
    }
    if (reply !== count) find('wrong', `came to ${reply}, not ${count}`);
    if (!again) find('wrong', 'gave other values when it was taken again');
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}
