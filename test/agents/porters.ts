/** Actors that take steps and undo them; every side effect leaves a line in a file. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { actor, type StepContext } from '@troupe/sdk';

/** A side effect: its name and effect id, in one line. */
function marks(file: string, name: string) {
  return ({ effectId }: StepContext): string => {
    appendFileSync(file, `${name} ${effectId}\n`);
    return name;
  };
}

/** Says that it is there, and goes on when it is told to. */
async function meets(file: string): Promise<void> {
  writeFileSync(`${file}.there`, '');
  while (!existsSync(`${file}.go`)) await pause(10);
}

export const Porter = actor('Porter', {
  state: () => ({ ids: [] as string[] }),
  methods: {
    /** Three steps; with `waits` it stands in the second one until the file says that it may go on. */
    async carry(c, id: string, file: string, waits: boolean) {
      await c.step('first', marks(file, 'first'));
      await c.step('second', async (step) => {
        if (waits) await meets(file);
        return marks(file, 'second')(step);
      });
      await c.step('third', marks(file, 'third'));
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    /** Fails after two steps, and undoes them; with `waits` it stands in the first undoing. */
    async drop(c, id: string, file: string, waits: boolean) {
      await c.step('lift', marks(file, 'lift'), {
        compensate: (_was, undo) => marks(file, 'undo-lift')(undo),
      });
      await c.step('turn', marks(file, 'turn'), {
        compensate: async (_was, undo) => {
          if (waits) await meets(file);
          return marks(file, 'undo-turn')(undo);
        },
      });
      c.state.ids.push(id);
      throw new Error('too heavy');
    },
  },
  reads: { ids: (c) => [...c.state.ids] },
});
