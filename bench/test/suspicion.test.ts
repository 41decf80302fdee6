/** Failure detection against seeded traces of heartbeats: short here, in full by `npm run bench -- suspicion`. */
import { expect, test } from 'vitest';
import { random } from '../src/placement/protocol.ts';
import { conditions } from '../src/suspicion/conditions.ts';
import { candidates } from '../src/suspicion/detectors.ts';
import { watchOver } from '../src/suspicion/watch.ts';

function found(candidate: string, condition: string) {
  const detector = candidates.find(({ name }) => name === candidate);
  const befalls = conditions.find(({ name }) => name === condition);
  if (detector === undefined || befalls === undefined)
    throw new Error(`${candidate}, ${condition}`);
  const watched = watchOver(detector, befalls, { nodeCount: 20, hours: 3, random: random(11) });
  const sorted = [...watched.detectionMs].sort((left, right) => left - right);
  return { ...watched, p99Ms: sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0 };
}

test.each(conditions.map(({ name }) => name))(
  'a death is found within 5 s, and nobody is wronged in 60 node-hours: %s',
  (condition) => {
    const { falseAlarms, missed, detectionMs, p99Ms } = found('ours', condition);
    expect({ falseAlarms, missed }).toEqual({ falseAlarms: 0, missed: 0 });
    expect(detectionMs.length).toBeGreaterThan(80);
    expect(p99Ms).toBeLessThan(5_000);
  },
);

test('a fixed time-out as quick as that wrongs nodes that pause, and so does silence alone', () => {
  expect(found('fixed 4 s', '(c) pauses').falseAlarms).toBeGreaterThan(20);
  expect(found('ours, silence', '(c) pauses').falseAlarms).toBeGreaterThan(20);
});
