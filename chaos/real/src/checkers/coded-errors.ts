/** Every operation is answered, and every error of the SDK has a code of the table. */
import { isErrorCode } from '@troupe/sdk';
import type { Evidence, Finding, Verdict } from './verdict.ts';

export function codedErrors(promise: string, { operations }: Evidence): Verdict {
  const findings = operations.flatMap(({ id, key, outcome, code, message }): Finding[] => {
    const found = (what: string): Finding[] => [
      { kind: 'wrong', promise, key, what, operations: [id] },
    ];
    if (outcome === 'ok') return code === undefined ? [] : found(`${id} is ok with ${code}`);
    if (code === undefined) return found(`${id} is ${outcome}, without a code`);
    if (code === 'UNANSWERED') return found(`${id} was never answered`);
    // One that stands for a bug is no answer.
    if (isErrorCode(code) && code !== 'INTERNAL') return [];
    return found(`${id} ended with ${code}: ${message}`);
  });
  return { promise, checked: operations.length, undecided: 0, findings };
}
