/** Workflows that fail and are undone; every side effect leaves a line in a file. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { type Ref, type TaskContext, task, workflow } from '@troupe/sdk';
import { Counter } from './agents.ts';

export type Dies = 'node' | 'leader';

interface Deed {
  readonly file: string;
  readonly name: string;
  readonly dies?: Dies;
}

function marks(c: TaskContext, { file, name }: Deed): void {
  appendFileSync(file, `${name} ${c.taskId}\n`);
}

export const book = task(
  'book',
  (c, deed: Deed) => {
    marks(c, deed);
    return deed.name;
  },
  { retries: 0 },
);

/** Of the car its node dies the first time, or it waits until the leader has died. */
export const unbook = task('unbook', async (c, deed: Deed) => {
  marks(c, deed);
  if (deed.name !== 'undo-car' || existsSync(`${deed.file}.died`)) return;
  writeFileSync(`${deed.file}.died`, '');
  if (deed.dies === 'node') process.kill(process.ppid, 'SIGKILL');
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (!existsSync(`${deed.file}.go`)) return;
      clearInterval(look);
      resolve();
    }, 20);
  });
});

export const refuse = task(
  'refuse',
  (_c, _input: string) => {
    throw new Error('no flight');
  },
  { retries: 0 },
);

type Input = { file: string; dies: Dies; counter: string };

export const trip = workflow('undone-trip', (w, input: Ref<Input>) => {
  const { file, dies } = input;
  const hotel = w.task(
    'hotel',
    book,
    { file, name: 'hotel' },
    {
      undo: (done, by) => by.task(unbook, { file, name: w.text`undo-${done}`, dies }),
    },
  );
  const car = w.task(
    'car',
    book,
    { file, name: 'car' },
    {
      after: [hotel],
      undo: (done, by) => by.task(unbook, { file, name: w.text`undo-${done}`, dies }),
    },
  );
  const paid = w.call('pay', Counter, input.counter, 'add', ['paid'], {
    after: [car],
    undo: (done, by) => by.call(Counter, input.counter, 'add', [w.text`paid back ${done}`]),
  });
  const seats = w.each('seat', ['a', 'b'], book, (seat) => ({ file, name: w.text`seat-${seat}` }), {
    after: [paid],
    inFlightMax: 1,
    undo: (done, by, seat) =>
      by.task(unbook, { file, name: w.text`undo-${done} of ${seat}`, dies }),
  });
  w.task('flight', refuse, 'now', { after: [seats] });
  return hotel;
});
