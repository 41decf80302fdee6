/**
 * A gang starts together or not at all.
 *
 * J1  of a gang that came to its end every member ran, and of one that was surely refused none.
 * J2  first attempts of a strictly spread gang are on different nodes. Later ones are on their own.
 * J3  what the members need is theirs from when the first of them has begun: until a member begins by
 *     its first attempt, nobody else has its GPUs.
 */
import type { Operation } from '../history/history.ts';
import { placeOf, saidOf } from './gpus-once.ts';
import { crowdsOf, type Holding, holdingsOf } from './holdings.ts';
import { answersOf, askedOf, type Mark, marksOf } from './placings.ts';
import { byKey, type Evidence, type Finding, told, type Verdict } from './verdict.ts';

const strictly = 'STRICT_SPREAD';

export function gangsTogether(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  const gangs = operations.filter(({ action }) => action === 'gang');
  for (const [key, own] of byKey(gangs)) {
    const marks = marksOf(finals, key);
    if (marks === undefined) {
      const what = 'its final state was not read';
      findings.push({ kind: 'wrong', promise, key, what, operations: [] });
      continue;
    }
    const byGang = new Map<string, Mark[]>();
    for (const mark of marks) {
      byGang.set(mark.operation, [...(byGang.get(mark.operation) ?? []), mark]);
    }
    for (const gang of own) {
      const find = (kind: Finding['kind'], what: string) =>
        findings.push({ kind, promise, key, what, operations: [gang.id] });
      checkMembers(gang, byGang.get(gang.id) ?? [], find);
    }
  }
  findings.push(...lateMembers(promise, operations));
  return { promise, checked: gangs.length, undecided: 0, findings };
}

/** J1, J2 */
function checkMembers(
  gang: Operation,
  marks: readonly Mark[],
  find: (kind: Finding['kind'], what: string) => void,
): void {
  const { members, policy } = askedOf(gang);
  if (gang.outcome === 'failed' && marks.length > 0) {
    find('wrong', `${told(gang)} was said not to be done, and ${marks[0]?.text} began`);
  }
  if (gang.outcome === 'ok') {
    const without = members.flatMap((_, index) =>
      marks.some(({ member }) => member === index) ? [] : [index],
    );
    if (without.length > 0)
      find('lost', `${told(gang)}: members ${without.join(', ')} never began`);
  }
  if (policy !== strictly) return;
  const memberOn = new Map<string, number>();
  for (const { attempt, member, node } of marks) {
    if (attempt !== 1) continue;
    const other = memberOn.get(node) ?? member;
    memberOn.set(node, member);
    if (other === member) continue;
    find('wrong', `${told(gang)}: members ${other} and ${member} both began on ${node}`);
  }
}

/** J3 */
function lateMembers(promise: string, operations: readonly Operation[]): readonly Finding[] {
  const begun = new Map<Operation, number>();
  for (const operation of operations) {
    if (operation.action !== 'gang' || operation.outcome !== 'ok') continue;
    const first = (answersOf(operation) ?? []).filter(({ attempt }) => attempt === 1);
    begun.set(
      operation,
      first.reduce((least, { from }) => Math.min(least, from), Infinity),
    );
  }
  const holdings = holdingsOf(operations, (operation, { attempt, from }) =>
    attempt === 1 ? Math.min(from, begun.get(operation) ?? from) : from,
  );
  return crowdsOf(holdings).flatMap((crowd): Finding[] => {
    const at = crowd.at(-1)?.from ?? 0;
    // One that has its GPU before it began; whoever has it already is the other promise's.
    const early = crowd.find(({ held }) => held.from > at);
    if (early === undefined) return [];
    return [foundOf(promise, early, crowd)];
  });
}

function foundOf(promise: string, early: Holding, crowd: readonly Holding[]): Finding {
  const { operation, member, gpu } = early;
  const others = crowd.filter((one) => one !== early);
  const who = `member ${member}, which began later on GPU ${gpu} of ${placeOf(crowd)}`;
  const what = `${told(operation)} had begun without ${who}: ${others.map(saidOf).join(' and ')} had it`;
  const ids = crowd.map((one) => one.operation.id);
  return { kind: 'out-of-order', promise, key: operation.key, what, operations: ids };
}
