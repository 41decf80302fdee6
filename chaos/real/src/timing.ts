/** Timers of an actor, which notes each time that one comes, and how late it is. */
import { actor } from '@troupe/sdk';

/** Milliseconds of the clock that all processes of one kernel share. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export const Waker = actor('Waker', {
  state: () => ({
    /** How often each timer that was set and not cancelled is to come. */
    asked: {} as Record<string, number>,
    /** Id of the timer, and how late it came. */
    came: [] as [string, number][],
  }),
  methods: {
    once(c, id: string, ms: number) {
      c.state.asked[id] = 1;
      c.timers.set(id, { afterMs: ms, method: 'wake', args: [id, monotonicMs() + ms] });
    },
    often(c, id: string, ms: number, times: number) {
      c.state.asked[id] = times;
      c.timers.set(id, { everyMs: ms, method: 'tick', args: [id, monotonicMs(), ms, times] });
    },
    /** A letter to itself that waits. */
    later(c, id: string, ms: number) {
      c.state.asked[id] = 1;
      c.send('Waker', c.key, { delayMs: ms })['wake']?.(id, monotonicMs() + ms);
    },
    cancel(c, id: string) {
      const isThere = c.timers.cancel(id);
      if (isThere) delete c.state.asked[id];
      return isThere;
    },
    wake(c, id: string, due: number) {
      c.state.came.push([id, monotonicMs() - due]);
    },
    tick(c, id: string, since: number, ms: number, times: number) {
      const count = c.state.came.filter(([one]) => one === id).length + 1;
      c.state.came.push([id, monotonicMs() - (since + count * ms)]);
      if (count >= times) c.timers.cancel(id);
    },
  },
  reads: {
    came: (c) => [...c.state.came],
    /** How often something is still to come. */
    waits: (c) => {
      const asked = Object.values(c.state.asked).reduce((sum, times) => sum + times, 0);
      return asked - c.state.came.filter(([id]) => id in c.state.asked).length;
    },
  },
  turnLimitMs: 20_000,
});
