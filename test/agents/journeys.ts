/** Actors that wait for signals, race and undo; every side effect leaves a line in a file. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { actor, type StepContext } from '@troupe/sdk';

/** A side effect: its name and effect id, in one line. */
function marks(file: string, name: string) {
  return ({ effectId }: StepContext): string => {
    appendFileSync(file, `${name} ${effectId}\n`);
    return name;
  };
}

/** Does away with the node, or with this runner, the first time that it is asked. */
async function dieOnce(file: string, what: 'node' | 'runner'): Promise<void> {
  if (existsSync(`${file}.died`)) return;
  writeFileSync(`${file}.died`, what);
  process.kill(what === 'node' ? process.ppid : process.pid, 'SIGKILL');
  await new Promise(() => undefined);
}

export const Order = actor('Order', {
  state: () => ({ ids: [] as string[] }),
  waitsMs: 600_000,
  methods: {
    add(c, id: string) {
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    /** Asks, waits for the approval, and books. */
    async approve(c, id: string, file: string) {
      await c.step('ask', marks(file, `ask-${id}`));
      const { by } = await c.waitFor<{ by: string }>('approval');
      await c.step('book', marks(file, `book-${id}`));
      c.state.ids.push(`${id} by ${by}`);
      return by;
    },
    async approveWithin(c, limitMs: number) {
      return c.waitFor('approval', { limitMs });
    },
    /** Whoever answers first; then the node dies, once. */
    async firstOf(c, id: string, file: string) {
      const winner = await c.race([
        c.waitFor<string>('never'),
        c.step('slow', async () => new Promise<string>(() => undefined)),
        c.step('fast', marks(file, 'fast')),
        c.step('late', async (step) => {
          // Where the race is decided anew it would have an equal chance.
          if (!existsSync(`${file}.died`)) await new Promise(() => undefined);
          return marks(file, 'late')(step);
        }),
      ]);
      await c.step('after', async (step) => {
        marks(file, `won-${winner}`)(step);
        await dieOnce(file, 'node');
      });
      c.state.ids.push(`${id} ${winner}`);
      return winner;
    },
    /** Whose signal comes first; nothing else is done by it until the end is told. */
    async firstTold(c, id: string, file: string) {
      const winner = await c.race([c.waitFor<string>('left'), c.waitFor<string>('right')]);
      await c.step('after', marks(file, `won-${winner}`));
      const [first, second] = await c.all([
        c.step('one', marks(file, `one-${winner}`)),
        c.waitFor<string>('end'),
      ]);
      c.state.ids.push(`${id} ${winner} ${first} ${second}`);
      return winner;
    },
    async next(c) {
      return c.waitFor<string>('right');
    },
    async tell(c, key: string, by: string) {
      await c.signalTo(Order, key, 'approval', { by });
    },
  },
  reads: {
    ids(c) {
      return [...c.state.ids];
    },
  },
});

/** Ends this runner at once, whoever has been told what before. */
function dies(_told: string): Promise<string> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

/** Its turns have little time. */
export const Hasty = actor('Hasty', {
  state: () => ({ ids: [] as string[] }),
  turnLimitMs: 500,
  methods: {
    /** Takes the money, and never gives its thread back. */
    async charge(c, file: string) {
      await c.step('charge', (step) => blocks(marks(file, 'charge')(step)), {
        compensate: (was, undo) => marks(file, `refund-${String(was)}`)(undo),
      });
    },
  },
});

function blocks(_told: string): string {
  for (;;);
}

export const Trip = actor('Trip', {
  state: () => ({ ids: [] as string[] }),
  methods: {
    /** Books, fails, and undoes; while it undoes the car its node or its runner dies, once. */
    async book(c, file: string, dies: 'node' | 'runner') {
      await c.step('hotel', marks(file, 'hotel'), {
        compensate: (_was, undo) => marks(file, 'undo-hotel')(undo),
      });
      await c.step('car', marks(file, 'car'), {
        compensate: async (_was, undo) => {
          marks(file, 'undo-car')(undo);
          await dieOnce(file, dies);
        },
      });
      await c.step('train', marks(file, 'train'), {
        compensate: (_was, undo) => marks(file, 'undo-train')(undo),
      });
      c.state.ids.push('booked');
      throw new Error('no flight');
    },
    /** Takes the money, and its runner dies of it each time; when it undoes that its node dies, once. */
    async charge(c, file: string) {
      await c.step('hotel', marks(file, 'hotel'), {
        compensate: (_was, undo) => marks(file, 'undo-hotel')(undo),
      });
      await c.step('charge', (step) => dies(marks(file, 'charge')(step)), {
        compensate: async (was, undo) => {
          marks(file, `refund-${String(was)}`)(undo);
          await dieOnce(file, 'node');
        },
      });
      c.state.ids.push('charged');
    },
    /** Its compensation kills its runner whenever it runs. */
    async hopeless(c, file: string) {
      await c.step('hotel', marks(file, 'hotel'), {
        compensate: (_was, undo) => marks(file, 'undo-hotel')(undo),
      });
      await c.step('charge', marks(file, 'charge'), {
        compensate: (_was, undo) => dies(marks(file, 'refund')(undo)),
      });
      throw new Error('no flight');
    },
    async stuck(c) {
      await c.step('hotel', () => 'booked', {
        compensate: {
          run: () => {
            throw new Error('the hotel does not answer');
          },
          retries: 1,
          backoffMs: 10,
        },
      });
      throw new Error('no flight');
    },
  },
  reads: {
    ids(c) {
      return [...c.state.ids];
    },
  },
});
