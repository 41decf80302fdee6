/** A bundle with a workflow that has something of everything; `folder` is where it leaves its traces. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { actor, type Ref, task, workflow } from '@troupe/sdk';

/** Tells the outside, and answers whether it was told before. */
function toldBefore(file: string, note: string, effect: string): boolean {
  const before = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  appendFileSync(file, `${note} ${effect}\n`);
  return before.some((line) => line.startsWith(`${note} `));
}

/** Remembers each call by its id, and tells the outside of it, which fails the first time. */
export const Ledger = actor('Ledger', {
  state: () => ({ calls: [] as { note: string; callId: string }[] }),
  methods: {
    async note(c, folder: string, note: string) {
      await c.step(
        'tell',
        ({ effectId }) => {
          if (!toldBefore(join(folder, 'effects'), note, effectId)) throw new Error('once');
        },
        { retries: 3, backoffMs: 20 },
      );
      c.state.calls.push({ note, callId: c.callId });
      return c.state.calls.length;
    },
  },
  reads: { calls: (c) => [...c.state.calls] },
});

const small = { resources: { cpu: 0.01 } };

/** Says that it has begun, and goes on when the test says so. Its first try fails. */
export const gate = task(
  'gate',
  async (c, input: { folder: string; name: string }) => {
    const { folder, name } = input;
    appendFileSync(join(folder, 'attempts'), `${name} ${c.taskId} ${c.attempt}\n`);
    if (c.attempt === 1) throw new Error('the first time');
    writeFileSync(join(folder, `${name}.began`), '');
    while (!existsSync(join(folder, `${name}.go`))) await pause(20, undefined, c);
    return name;
  },
  small,
);

export const broken = task('broken', () => Promise.reject(new Error('as ever')), {
  ...small,
  retries: 0,
});

type Input = Ref<{ folder: string; key: string }>;

export const detour = workflow('detour', (w, { folder, key }: Input) => {
  const passed = w.task('strait', gate, { folder, name: 'strait' }, { retries: 1, backoffMs: 20 });
  w.call('landed', Ledger, key, 'note', [folder, 'landed'], { after: [passed] });
  return passed;
});

export const voyage = workflow('voyage', (w, { folder, key }: Input) => {
  const days = w.repeat('days', 2, (day) => {
    const hours = w.forEach('hours', [0, 1], (hour) => {
      const name = w.text`bell-${day}-${hour}`;
      const rung = w.task('bell', gate, { folder, name }, { retries: 1, backoffMs: 20 });
      return w.call('rung', Ledger, key, 'note', [folder, name], { after: [rung] });
    });
    const crew = w.parallel('crew', [0, 1, 2], (man) => {
      const awake = w.choice('awake', {
        values: { man },
        cases: { yes: 'int(man) != 1' },
        otherwise: 'no',
      });
      const said = w.text`report-${day}-${man}`;
      const report = w.call('report', Ledger, key, 'note', [folder, said], {
        after: [awake.port('yes')],
      });
      const late = w.task('late', broken, undefined, { after: [awake.port('no')] });
      const why = w.value('why', w.failure(late).code);
      return w.first(report, why);
    });
    return { hours, crew };
  });
  const captain = w.pause<string>('captain', 'which way?', { after: [days] });
  const owner = w.pause<string>('owner', 'at which price?', { after: [days] });
  const around = w.run('around', detour, { folder, key }, { after: [captain, owner] });
  const home = w.call('home', Ledger, key, 'note', [folder, 'home'], { after: [around] });
  return { days, captain, owner, around, home };
});
