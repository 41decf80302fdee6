/** Actors that are held up, stuck or crowded; what they do leaves lines in a file. */
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { actor } from '@troupe/sdk';

function says(file: string, what: string): void {
  appendFileSync(file, `${what}\n`);
}

/** Ends only when nobody wants it any more. */
function untilUnwanted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave);
    if (signal.aborted) leave();
  });
}

export const Helper = actor('Helper', {
  state: () => ({ ids: [] as string[] }),
  waitsMs: 600_000,
  methods: {
    add(c, id: string) {
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    /** Holds its thread for so long. */
    hold(c, id: string, ms: number) {
      for (const to = performance.now() + ms; performance.now() < to; );
      c.state.ids.push(id);
    },
    /** Says when it hears that it is cancelled. */
    async stand(c, file: string) {
      says(file, 'stands');
      c.signal.addEventListener('abort', () => says(file, 'heard'));
      return await untilUnwanted(c.signal);
    },
    async standThere(c, key: string, file: string) {
      c.state.ids.push('begun');
      return await c.actor('Helper', key)['stand']?.(file);
    },
    async addThere(c, key: string, id: string) {
      return await c.actor('Helper', key)['add']?.(id);
    },
    /** Books, and then stands in a step, or waits, until it is cancelled; then it undoes what it did. */
    async held(c, how: 'step' | 'wait', file: string) {
      c.state.ids.push('begun');
      await c.step('book', () => says(file, 'books'), { compensate: () => says(file, 'undoes') });
      if (how === 'wait') return await c.waitFor('never');
      return await c.step('stand', async ({ signal }) => {
        says(file, 'stands');
        return await untilUnwanted(signal);
      });
    },
    /** Charges in a step that may have been done whenever it is given up. */
    async charge(c, file: string) {
      await c.step('look', () => says(file, 'looks'));
      await c.step(
        'charge',
        async ({ signal }) => {
          says(file, 'charges');
          return await untilUnwanted(signal);
        },
        { compensate: (charged) => says(file, `refunds ${charged}`) },
      );
    },
    /** Calls along the keys, one from the other; before the last call it stands while the file is closed. */
    async around(c, keys: string[], file: string): Promise<unknown> {
      const [next = '', ...rest] = keys;
      c.state.ids.push('around');
      if (rest.length === 0) {
        await c.step('stands', async () => {
          says(file, 'stands');
          while (existsSync(`${file}.closed`)) await pause(50);
        });
      }
      return await c.actor('Helper', next)['around']?.(rest, file);
    },
    /** Does not beat when it is tried for the first time. */
    async beats(c, id: string, file: string) {
      let tries = 0;
      await c.step(
        'long',
        async ({ beat, effectId }) => {
          says(file, `tries ${effectId}`);
          tries += 1;
          if (tries === 1) await new Promise(() => undefined);
          for (let beats = 0; beats < 5; beats++) {
            await pause(150);
            beat();
          }
          says(file, `done ${effectId}`);
        },
        { beatMs: 500, retries: 3, backoffMs: 10 },
      );
      c.state.ids.push(id);
    },
    chimes(c) {
      c.timers.set('chime', { cron: '* * * * * *', method: 'chime' });
    },
    chime(c) {
      c.state.ids.push(`${c.callId} ${Date.now()}`);
    },
  },
  reads: {
    ids: (c) => [...c.state.ids],
    async search(_c, file: string) {
      says(file, `begins ${process.pid}`);
      await pause(150);
      says(file, `ends ${process.pid}`);
      return 'found';
    },
  },
  groups: { searches: { most: 2, reads: ['search'] } },
});

/** Does not give its thread back. */
export const Stuck = actor('Stuck', {
  state: () => ({ ids: [] as string[] }),
  turnLimitMs: 1_000,
  methods: {
    block(c, file: string): number {
      c.state.ids.push('blocked');
      says(file, 'blocks');
      for (;;) if (file === '') return 1;
    },
  },
  reads: { ids: (c) => [...c.state.ids] },
});
