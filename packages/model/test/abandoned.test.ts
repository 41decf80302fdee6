/** Turns that a scope went back behind. */
import { describe, expect, it } from 'vitest';
import { type Abandoned, isAbandoned, withAbandoned } from '../src/index.ts';

describe('an actor that goes back', () => {
  it('remembers each stretch of turns that it gave up, and no other turn', () => {
    const twice = withAbandoned(withAbandoned([], [4, 6]), [9, 12]);
    expect(twice).toEqual([
      [4, 6],
      [9, 12],
    ]);
    const turns = Array.from({ length: 14 }, (_, turn) => turn);
    expect(turns.filter((turn) => isAbandoned(turn, twice))).toEqual([4, 5, 6, 9, 10, 11, 12]);
  });

  it('to before it went back already, gives up all since as one', () => {
    expect(withAbandoned([[4, 6]], [3, 9])).toEqual([[3, 9]]);
  });

  it('that loses no turn gives up none', () => {
    expect(withAbandoned([[4, 6]], [8, 7])).toEqual([[4, 6]]);
  });

  it('more than 256 times has the two oldest stretches as one', () => {
    let known: Abandoned = [];
    for (let time = 1; time <= 257; time++)
      known = withAbandoned(known, [time * 10, time * 10 + 5]);
    expect(known).toHaveLength(256);
    expect(known[0]).toEqual([10, 25]);
    expect(known.at(-1)).toEqual([2570, 2575]);
  });
});
