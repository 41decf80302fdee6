import { afterEach, expect, test } from 'vitest';
import { engine } from '../src/placement/engine.ts';
import { capacityOf, replay, typicalOf } from '../src/placement/protocol.ts';
import { publishedFgd } from '../src/placement/published.ts';
import { openTrace, type TraceNode, type TracePod } from '../src/placement/trace.ts';

const shared = process.env['TROUPE_SHARED'];
afterEach(() => {
  if (shared === undefined) delete process.env['TROUPE_SHARED'];
  else process.env['TROUPE_SHARED'] = shared;
});

test('without the trace the bench says where it looked and what to do', () => {
  process.env['TROUPE_SHARED'] = '/nowhere';
  expect(openTrace()).toMatchObject({
    kind: 'absent',
    why: 'no openb trace at /nowhere/traces/openb; name the folder of the shared data by TROUPE_SHARED',
  });
});

test('both placements fill a small cluster alike when the demand leaves one way to do it', () => {
  const nodes: TraceNode[] = ['a', 'b'].map((name) => {
    return { name, cpu: 8000, memory: 100, gpus: 2, model: 'T4' };
  });
  const pod: TracePod = { name: 'p', cpu: 2000, memory: 1, gpus: 1, gpuMilli: 500, models: ['T4'] };
  const pods = Array.from({ length: 10 }, (_, number) => ({ ...pod, name: `p${number}` }));
  const mix = typicalOf(pods);
  const capacity = capacityOf(nodes);
  const placers = [
    engine('gpu-fragmentation-aware', nodes, mix),
    publishedFgd(nodes, mix, () => 0),
  ];
  const outcomes = placers.map((placer) => replay(pods, capacity, placer).allocated);
  expect(outcomes[0]).toEqual(outcomes[1]);
  expect(outcomes[0]).toEqual({ 100: 100 });
});
