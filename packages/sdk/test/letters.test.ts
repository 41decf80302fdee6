/** How often letters are tried, as an actor declares it. */
import { limits } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { actor } from '../src/index.ts';
import { definitionsOf } from '../src/manifest.ts';

const methods = { pay: () => 1, tell: () => 2 };

function declared(letters: Parameters<typeof actor<object, typeof methods>>[1]['letters']) {
  const options = { state: () => ({}), methods };
  const Order = actor('Order', letters === undefined ? options : { ...options, letters });
  return definitionsOf({ Order }).manifest.actors[0];
}

describe('letters of an actor', () => {
  it('are tried once unless it says more, for all its methods or for some', () => {
    expect(declared(undefined)).not.toHaveProperty('letters');
    expect(declared({ retries: 2 })?.letters).toEqual({ retries: 2, backoffMs: [1_000] });
    const some = declared({ backoffMs: 5, methods: { pay: { retries: 3 } } });
    expect(some?.letters).toEqual({ retries: 0, backoffMs: [5] });
    expect(declared({ retries: 'unlimited' })?.letters?.retries).toBe(2_147_483_647);
    expect(some?.lettersOf).toEqual({ pay: { retries: 3, backoffMs: [5] } });
  });

  it.each([
    [{ retries: -1 }, 'retries of letters of actor Order is -1'],
    [{ retries: limits.retriesMax + 1 }, 'it must be a whole number'],
    [{ backoffMs: [] }, 'backoffMs of letters of actor Order is empty'],
    [{ backoffMs: limits.letterBackoffMsMax + 1 }, 'whole numbers from 0'],
    [{ methods: { pay: { retries: 0.5 } } }, 'letters of Order.pay is 0.5'],
    [{ methods: { nothing: { retries: 1 } } }, 'letters of Order.nothing: the actor has no such'],
  ])('refuse %j where they are declared', (letters, text) => {
    expect(() => declared(letters)).toThrow(text);
  });

  it('have names of their own, which no method may have', () => {
    const named = { $redeliver: () => 1 };
    expect(() => actor('Order', { state: () => ({}), methods: named })).toThrow(
      'Order.$redeliver is a name of dead letters',
    );
  });
});
