/** Everything that the leader waits for. */
import { taskId } from '@troupe/model';
import { expect, test } from 'vitest';
import { Deadlines } from '../src/deadlines.ts';

test('what is due beside routine is found, and nothing falls due in another order for it (T1)', () => {
  const deadlines = new Deadlines();
  deadlines.set(5, { kind: 'pulse' });
  deadlines.set(5, { kind: 'retention' });
  deadlines.set(9, { kind: 'retry', task: taskId('t') });
  deadlines.set(7, { kind: 'sweep' });
  expect(deadlines.nextBesideRoutine).toBe(9);
  expect(deadlines.next).toBe(5);
  const order = [5, 5, 7, 9].map((now) => deadlines.take(now)?.kind);
  expect(order).toEqual(['pulse', 'retention', 'sweep', 'retry']);
  expect(deadlines.nextBesideRoutine).toBeUndefined();
});
