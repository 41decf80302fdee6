import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { type HeapLevel, HeapWatch } from '../src/heap-watch.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

it('a scheduler knows that its heap is near the limit by what is left of it, and when there is room again', async () => {
  collect();
  const room = 32 * 1024 * 1024;
  const limit = (process.memoryUsage().heapUsed + room) / 0.75;
  const said: (readonly [boolean, HeapLevel])[] = [];
  const watch = new HeapWatch((isShort, level) => said.push([isShort, level]), limit);
  try {
    const held = Array.from({ length: 1_500_000 }, (_, n) => ({ n, more: [n] }));
    collect();
    await expect.poll(() => said.length).toBe(1);
    expect(said[0]).toMatchObject([true, { limitMiB: Math.round(limit / 2 ** 20) }]);
    expect(held.length).toBe(1_500_000);
    held.length = 0;
    collect();
    await expect.poll(() => said.length).toBe(2);
    expect([said[1]?.[0], watch.isShort]).toEqual([false, false]);
  } finally {
    watch.stop();
  }
});
