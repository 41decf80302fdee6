/** Turns of the chaos suite that book, wait for a signal, let two steps race, and confirm or fail: what
 *  was booked by one that fails is cancelled again. */
import { setTimeout as pause } from 'node:timers/promises';
import { actor } from '@troupe/sdk';

const turnLimitMs = 60_000;
/** So long a signal is waited for: those who give it try for as long. */
export const waitMsMax = 120_000;

/** What was booked, confirmed and cancelled, in order. */
export const Agency = actor('Agency', {
  state: () => ({ entries: [] as [id: string, what: string][] }),
  methods: {
    /** What is cancelled already is not booked any more. */
    book(c, id: string) {
      if (c.state.entries.some(([one, what]) => one === id && what.startsWith('cancelled'))) {
        throw new Error(`${id} is cancelled`);
      }
      c.state.entries.push([id, 'booked']);
    },
    confirm(c, id: string, winner: string) {
      c.state.entries.push([id, `confirmed ${winner}`]);
    },
    /** Each with the effect it is part of: one that is tried again has the same. */
    cancel(c, id: string, effectId: string) {
      c.state.entries.push([id, `cancelled ${effectId}`]);
    },
  },
  reads: { entries: (c) => [...c.state.entries] },
  turnLimitMs,
});

export interface Planned {
  readonly answer: number;
  readonly winner: string;
}

export const Trip = actor('Trip', {
  state: () => ({ planned: 0 }),
  methods: {
    async plan(c, id: string, agency: string, fails: boolean): Promise<Planned> {
      c.compensate('booking', async ({ actor: callee, effectId }) => {
        await callee(Agency, agency).cancel(id, effectId);
      });
      await c.actor(Agency, agency).book(id);
      const answer = await c.waitFor<number>(id, { limitMs: waitMsMax });
      const race = (name: string) => c.step(name, () => pause(20 * Math.random(), name));
      const winner = await c.race([race('left'), race('right')]);
      if (fails) throw new Error(asAsked);
      await c.actor(Agency, agency).confirm(id, winner);
      c.state.planned += 1;
      return { answer, winner };
    },
  },
  turnLimitMs,
  waitsMs: waitMsMax,
});

/** How a trip fails that is to fail. */
export const asAsked = 'as asked';
