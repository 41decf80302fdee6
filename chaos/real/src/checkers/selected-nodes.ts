/** A task runs where its selector says, with every attempt that began; the attempt whose result it has
 *  began there; and nothing runs that nobody asked for. */

import { markOf, sideOf } from '../gpus.ts';
import type { Operation } from '../history/history.ts';
import { answersOf, askedOf, type Mark, marksOf } from './placings.ts';
import { byKey, type Evidence, type Finding, told, type Verdict } from './verdict.ts';

export function selectedNodes(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, own] of byKey(operations)) {
    const find = (kind: Finding['kind'], what: string, id?: string) =>
      findings.push({ kind, promise, key, what, operations: id === undefined ? [] : [id] });
    const marks = marksOf(finals, key);
    if (marks === undefined) {
      find('wrong', 'its final state was not read');
      continue;
    }
    const asked = new Map(own.map((operation) => [operation.id, operation]));
    for (const mark of marks) {
      const operation = asked.get(mark.operation);
      const what = wrongOf(mark, operation);
      if (what !== undefined) find('wrong', what, operation?.id);
    }
    const texts = new Set(marks.map(({ text }) => text));
    for (const operation of own) {
      for (const text of marksDue(operation)) {
        if (!texts.has(text)) find('lost', `${told(operation)} left no mark ${text}`, operation.id);
      }
    }
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

function wrongOf(
  { text, member, node }: Mark,
  operation: Operation | undefined,
): string | undefined {
  const asked = operation && askedOf(operation).members[member];
  if (operation === undefined || asked === undefined)
    return `${text} began, and nobody asked for it`;
  if (asked.side === undefined || asked.side === sideOf(node)) return undefined;
  return `${told(operation)}: ${text} began on the ${sideOf(node)}, not on the ${asked.side}`;
}

/** Of the attempts whose results it has. */
function marksDue(operation: Operation): readonly string[] {
  if (operation.outcome !== 'ok') return [];
  const answers = answersOf(operation) ?? [];
  return answers.map(({ attempt, node }, index) =>
    markOf(`${operation.id}.${index}`, attempt, node),
  );
}
