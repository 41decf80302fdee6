/** Agents as their authors write them: with a health of their own, and steps that fail, wait and go side by side. */
import { appendFileSync, existsSync } from 'node:fs';
import { actor } from '@troupe/sdk';

/** Ends only when nobody wants it any more. */
function untilUnwanted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

export const Author = actor('Author', {
  state: () => ({ ids: [] as string[], ill: '' }),
  healthMs: 1_000,
  health: (c) => c.state.ill === '' || !existsSync(c.state.ill),
  methods: {
    add(c, id: string) {
      c.state.ids.push(id);
    },
    /** Is ill while this file is there. */
    fallsIllBy(c, file: string) {
      c.state.ill = file;
    },
    /** Three steps side by side; the last does not end while the file `stop` is there. Each leaves a line. */
    async three(c, id: string, file: string, stop: string) {
      const step = (name: string) => {
        return c.step(name, async ({ effectId, signal }) => {
          appendFileSync(file, `${name} ${effectId}\n`);
          if (name === 'c' && existsSync(stop)) await untilUnwanted(signal);
          return `${id}/${name}`;
        });
      };
      c.state.ids.push(...(await c.all([step('a'), step('b'), step('c')])));
    },
    /** Tries until the file `stop` is gone. */
    async tries(c, id: string, file: string, stop: string) {
      await c.step(
        'try',
        ({ effectId }) => {
          appendFileSync(file, `try ${effectId}\n`);
          if (existsSync(stop)) throw new Error('not yet');
        },
        { retries: 'unlimited', backoffMs: 100 },
      );
      c.state.ids.push(id);
    },
  },
  reads: { ids: (c) => [...c.state.ids] },
});
