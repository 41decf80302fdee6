/** Tills that take no booking while they are closed, and clerks who send some. */
import { actor } from '@troupe/sdk';

export const Till = actor('Till', {
  state: () => ({ open: false, booked: [] as string[] }),
  methods: {
    openUp(c) {
      c.state.open = true;
    },
    /** Always. */
    note(c, id: string) {
      c.state.booked.push(id);
    },
    book(c, id: string) {
      c.state.booked.push(id);
      if (!c.state.open) throw new Error(`closed for ${id}`);
      return id;
    },
    crash(c, id: string) {
      if (!c.state.open) process.exit(9);
      c.state.booked.push(id);
      return id;
    },
  },
  reads: { booked: (c) => [...c.state.booked] },
});

export const Clerk = actor('Clerk', {
  state: () => ({}),
  methods: {
    /** What fails lies between what does not, once to be tried again. */
    send(c, till: string, name: string) {
      c.send(Till, till).note(`${name}.1`);
      c.send(Till, till).book(`${name}.2`);
      c.send(Till, till).note(`${name}.3`);
      c.send(Till, till, { retries: 2, backoffMs: 500 }).book(`${name}.4`);
      c.send(Till, till).note(`${name}.5`);
      c.send(Till, till, { delayMs: 300 }).book(`${name}.6`);
    },
    crash(c, till: string, id: string) {
      c.send(Till, till, { retries: 9 }).crash(id);
      c.send(Till, till).note(`after ${id}`);
    },
    /** Of every clerk that says so, one note for each key; and one of its own. */
    remind(c, till: string, keys: readonly string[], who: string) {
      for (const [n, idempotencyKey] of keys.entries()) {
        const delayMs = n % 3 === 2 ? 50 : 0;
        c.send(Till, till, { idempotencyKey, delayMs }).note(`${idempotencyKey} by ${who}`);
      }
      c.send(Till, till).note(`own of ${who}`);
    },
  },
});
