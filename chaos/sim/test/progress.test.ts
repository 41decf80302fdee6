import { describe, expect, it } from 'vitest';
import { runSeed } from '../src/index.ts';

describe('progress', () => {
  it('is not made by errors: who asks when nothing is wrong any more is served', async () => {
    const asks = 'asks when nothing is wrong any more';
    let found: string | undefined;
    for (let seed = 1; seed <= 100 && found === undefined; seed++) {
      const { violation } = await runSeed(seed, { mutant: 'first-place-is-kept' });
      if (violation?.text.includes(asks)) found = violation.checker;
    }
    expect(found).toBe('progress');
  }, 600_000);

  it('is asked for in every seed, of actors old and new and of tasks, after all else', async () => {
    const { trace, violation } = await runSeed(3, { traced: true });
    expect(violation).toBeUndefined();
    const lines = trace?.lines ?? [];
    const calm = lines.findIndex((line) => line.includes('whoever asks now is served'));
    const after = lines.slice(calm).join('\n');
    expect(calm).toBeGreaterThan(lines.findIndex((line) => line.includes('the faults are over')));
    expect(after).toContain('"actor":"default/Agent/last"');
    expect(after).toContain('task-client-1-last');
  });
});
