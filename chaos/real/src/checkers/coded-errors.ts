/** Every operation is answered, and every error of the SDK has a code of the table. */
import type { Evidence, Finding, Verdict } from './verdict.ts';

export function codedErrors(promise: string, { operations }: Evidence): Verdict {
  const findings = operations.flatMap(({ id, key, code, message }): Finding[] => {
    if (code === 'UNANSWERED') {
      const what = `${id} was never answered`;
      return [{ kind: 'wrong', promise, key, what, operations: [id] }];
    }
    if (code !== 'UNCODED' && code !== 'INTERNAL') return [];
    const what = `${id} ended with ${code}: ${message}`;
    return [{ kind: 'wrong', promise, key, what, operations: [id] }];
  });
  return { promise, checked: operations.length, undecided: 0, findings };
}
