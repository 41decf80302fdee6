import { describe, expect, it } from 'vitest';
import { checkerNames } from '../src/checkers/checks.ts';
import { expectNoticed, pairs } from './pairs.ts';

describe('a checker', () => {
  it('is only believed with a deliberate fault that it notices by itself', () => {
    const noticing = new Set(pairs.map(([, checker]) => checker));
    expect([...noticing].sort()).toEqual([...checkerNames].sort());
  });

  it.each(pairs.filter((_, index) => index % 2 === 1))(
    'notices a deliberate fault: %s, by %s alone',
    expectNoticed,
    600_000,
  );
});
