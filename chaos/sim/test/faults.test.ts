import { expect, it } from 'vitest';
import { runPlan } from '../src/index.ts';
import { drawPlan } from '../src/plan/plan.ts';

it('a fault that befalls nobody is not counted, nor an ambush whose moment never comes', async () => {
  const { places, ...plan } = drawPlan(1);
  const operations = new Map(places.clients.map((client) => [client, []]));
  const crash = { kind: 'crash', host: 'node-1', downMs: 5_000, notice: true } as const;
  const ambush = { kind: 'ambush', deed: 'kill-it', waitMs: 1, ms: 1_000 } as const;
  const { faults } = await runPlan({
    ...plan,
    places,
    operations,
    faults: [
      { ...crash, at: 3_000 },
      { ...crash, at: 3_100 },
      { kind: 'crash-runner', host: 'node-2', at: 3_200 },
      { ...ambush, moment: 'run-task arrives', at: 3_300 },
    ],
  });
  expect([...faults]).toEqual([['crash', 1]]);
});
