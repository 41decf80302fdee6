/**
 * Effects by id: a ledger holds every acknowledged id exactly once, at the place that its answer
 * named where answers name one, no refused one, and none that nobody asked for.
 */
import { z } from 'zod';
import { byKey, type Evidence, type Finding, finalOf, told, type Verdict } from './verdict.ts';

const ledger = z.array(z.string());

export function effectOnce(promise: string, evidence: Evidence): Verdict {
  return check(promise, evidence, false);
}

/** Every answer names the place of its id. */
export function placedOnce(promise: string, evidence: Evidence): Verdict {
  return check(promise, evidence, true);
}

function check(promise: string, { operations, finals }: Evidence, placed: boolean): Verdict {
  const findings: Finding[] = [];
  for (const [key, calls] of byKey(operations)) {
    const find = (kind: Finding['kind'], what: string, id: string) =>
      findings.push({ kind, promise, key, what, operations: [id] });
    const ids = ledger.safeParse(finalOf(finals, key));
    if (!ids.success) {
      find('wrong', 'its final state was not read', calls[0]?.id ?? '');
      continue;
    }
    const times = new Map<string, number>();
    for (const id of ids.data) times.set(id, (times.get(id) ?? 0) + 1);
    const places = new Map(ids.data.map((id, index) => [id, index + 1]));
    for (const call of calls) {
      const count = times.get(call.id) ?? 0;
      if (count > 1) find('doubled', `${told(call)} took effect ${count} times`, call.id);
      if (call.outcome === 'ok' && count === 0)
        find('lost', `${told(call)} has no effect`, call.id);
      const named = placed && call.outcome === 'ok';
      if (named && count === 1 && call.output !== places.get(call.id)) {
        const said = JSON.stringify(call.output) ?? 'without a place';
        const what = `was answered ${said}, and stands at ${places.get(call.id)}`;
        find('out-of-order', `${told(call)} ${what}`, call.id);
      }
      if (call.outcome === 'failed' && count > 0) {
        find('wrong', `${told(call)} was said not to be done, and was done`, call.id);
      }
      times.delete(call.id);
    }
    for (const id of times.keys()) find('wrong', `${id} took effect, and nobody asked for it`, id);
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}
