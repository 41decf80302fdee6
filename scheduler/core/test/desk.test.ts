import { encode } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Desk } from '../src/desk.ts';
import { State } from '../src/state.ts';
import { config } from './scene.ts';

/** The state of a journal whose leaders have led for so long. */
function ledFor(ledMs: number): State {
  return State.restore([encode({ ...new State().durable(), ledMs })]);
}

describe('the time that was led', () => {
  it('does not go back when another leads, not by what rounding takes away', () => {
    const ms = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(ms, ms, (ledMs, now) => {
        const state = ledFor(ledMs);
        const desk = new Desk({ config, state, now, wall: 0 }, { scheduler: 's', generation: 1 });
        expect(desk.ledMs).toBeGreaterThanOrEqual(ledMs);
      }),
    );
  });
});
