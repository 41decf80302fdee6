import { describe, expect, it } from 'vitest';
import { heapFlags } from '../src/cluster/heap-flag.ts';

const gibibyte = 1024 ** 3;
const scheduler = { kind: 'scheduler', schedulers: 1, options: undefined } as const;

describe('the memory that a scheduler may use', () => {
  it('is half of what the machine has, shared by the schedulers on it', () => {
    const flags = (schedulers: number, memory: number) =>
      heapFlags({ ...scheduler, schedulers, memory });
    expect(flags(1, 64 * gibibyte)).toEqual(['--max-old-space-size=32768']);
    expect(flags(2, 64 * gibibyte)).toEqual(['--max-old-space-size=16384']);
    expect(flags(3, gibibyte)).toEqual(['--max-old-space-size=1024']);
  });

  it('is what NODE_OPTIONS says, where that says it', () => {
    for (const options of [
      '--max-old-space-size=700',
      '--enable-source-maps --max_old_space_size=7',
    ]) {
      expect(heapFlags({ ...scheduler, options })).toEqual([]);
    }
    expect(heapFlags({ ...scheduler, options: '--enable-source-maps' })).toHaveLength(1);
  });
});
