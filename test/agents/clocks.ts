/** What the tests of timers deploy. */
import { actor } from '@troupe/sdk';

/** Milliseconds of the clock that all processes of a machine share. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

export interface Rung {
  /** Names one firing, over all failures. */
  readonly callId: string;
  readonly name: string;
  /** When it had to come at the earliest, and when it came. */
  readonly due: number;
  readonly came: number;
}

/** Keeps every firing of its timers, in order. */
export const Clock = actor('Clock', {
  state: () => ({ rung: [] as Rung[], got: [] as string[] }),
  methods: {
    after(c, name: string, ms: number) {
      const args = [name, monotonicMs() + ms];
      c.timers.set(name, { afterMs: ms, method: 'ring', args });
    },
    every(c, name: string, ms: number, times: number) {
      c.timers.set(name, { everyMs: ms, method: 'tick', args: [name, monotonicMs(), ms, times] });
    },
    /** Many at one time of day. */
    herd(c, count: number, at: number) {
      for (let n = 0; n < count; n++) {
        c.timers.set(`h${n}`, { at, method: 'ring', args: [`h${n}`, 0] });
      }
    },
    later(c, key: string, id: string, ms: number) {
      c.send(Clock, key, { delayMs: ms }).get(id);
    },
    cancel(c, name: string) {
      return c.timers.cancel(name);
    },
    ring(c, name: string, due: number) {
      c.state.rung.push({ callId: c.callId, name, due, came: monotonicMs() });
    },
    tick(c, name: string, since: number, ms: number, times: number) {
      const count = c.state.rung.filter((one) => one.name === name).length + 1;
      const due = since + count * ms;
      c.state.rung.push({ callId: c.callId, name, due, came: monotonicMs() });
      if (count >= times) c.timers.cancel(name);
    },
    get(c, id: string) {
      c.state.got.push(id);
    },
  },
  reads: {
    rung(c) {
      return [...c.state.rung];
    },
    got(c) {
      return [...c.state.got];
    },
    names(c) {
      return c.timers.list().map(({ name }) => name);
    },
    count(c) {
      return c.state.rung.length;
    },
  },
});
