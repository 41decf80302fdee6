import { Random } from '@troupe/virtual';
import { expect, it } from 'vitest';
import { drawReserved } from '../src/plan/scene.ts';

it('no GPU is reserved in a cell where two of a node are all that a task may have', () => {
  const site = (zone: string, gpu: number) => ({ resources: { cpu: 8, gpu }, labels: { zone } });
  const reservesGpu = (gpus: readonly number[]) => {
    const sites = gpus.map((gpu, at) => site(at % 2 === 0 ? 'a' : 'b', gpu));
    return Array.from({ length: 200 }, (_, seed) => drawReserved(sites, new Random(seed))).some(
      ({ shape }) => 'gpu' in shape.resources,
    );
  };
  expect(reservesGpu([2, 0])).toBe(false);
  expect(reservesGpu([4, 2])).toBe(false);
  expect(reservesGpu([4, 0])).toBe(true);
});
