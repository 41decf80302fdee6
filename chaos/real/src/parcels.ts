/** Parcels that come as letters: those of some kinds are refused while their depot is shut. */
import { actor } from '@troupe/sdk';

export const Depot = actor('Depot', {
  state: () => ({ open: false, taken: [] as string[] }),
  methods: {
    setOpen(c, open: boolean) {
      c.state.open = open;
    },
    take(c, id: string) {
      c.state.taken.push(id);
    },
    takeWhenOpen(c, id: string) {
      c.state.taken.push(id);
      if (!c.state.open) throw new Error(`the depot is shut for ${id}`);
      return id;
    },
  },
  reads: { taken: (c) => [...c.state.taken] },
  turnLimitMs: 20_000,
});

export const Carrier = actor('Carrier', {
  state: () => ({ brought: [] as string[] }),
  methods: {
    /** Three letters in this order; the second may fail, once to be tried again. */
    bring(c, depot: string, id: string, retries: number) {
      c.send(Depot, depot).take(`${id}.1`);
      c.send(Depot, depot, { retries, backoffMs: 300 }).takeWhenOpen(`${id}.2`);
      c.send(Depot, depot, { priority: 'low' }).take(`${id}.3`);
      c.state.brought.push(id);
    },
  },
  reads: { brought: (c) => [...c.state.brought] },
  turnLimitMs: 20_000,
});
