/** No GPU is given twice: attempts that have one at a time never have more of it than one, and each has
 *  as many different ones as it asked for, of those that there are. */
import { gpusPerNode } from '../gpus.ts';
import { crowdsOf, type Holding, holdingsOf } from './holdings.ts';
import { answersOf, askedOf } from './placings.ts';
import { type Evidence, type Finding, told, type Verdict } from './verdict.ts';

export function gpusOnce(promise: string, { operations }: Evidence): Verdict {
  const findings: Finding[] = [];
  const answered = operations.filter(({ outcome }) => outcome === 'ok');
  for (const operation of answered) {
    const find = (what: string) =>
      findings.push({
        kind: 'wrong',
        promise,
        key: operation.key,
        what,
        operations: [operation.id],
      });
    const answers = answersOf(operation);
    if (answers === undefined) {
      find(`${told(operation)} gave ${JSON.stringify(operation.output)}, not where it ran`);
      continue;
    }
    const { members } = askedOf(operation);
    for (const [index, { gpus, node }] of answers.entries()) {
      const { count = 0 } = members[index] ?? {};
      const real = new Set(gpus.filter((gpu) => gpu >= 0 && gpu < gpusPerNode));
      if (gpus.length === count && real.size === count) continue;
      find(`${told(operation)} got the GPUs ${gpus.join(', ') || 'none'} of ${node}, not ${count}`);
    }
  }
  const crowds = crowdsOf(holdingsOf(answered, (_operation, { from }) => from));
  findings.push(...crowds.map((crowd) => doubled(promise, crowd)));
  return { promise, checked: answered.length, undecided: 0, findings };
}

/** More of one GPU is had than there is. */
function doubled(promise: string, crowd: readonly Holding[]): Finding {
  const what = `${crowd.map(saidOf).join(' and ')} had GPU ${crowd[0]?.gpu} of ${placeOf(crowd)} at once`;
  const operations = crowd.map(({ operation }) => operation.id);
  return { kind: 'doubled', promise, key: crowd.at(-1)?.operation.key ?? '', what, operations };
}

/** Who has how much of it. */
export function saidOf({ operation, member, milli }: Holding): string {
  return `${operation.id}.${member} (${milli / 1_000})`;
}

export function placeOf([first]: readonly Holding[]): string {
  return `${first?.held.node} (process ${first?.held.process})`;
}
