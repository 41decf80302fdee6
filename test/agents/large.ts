/** Tasks and workflows whose outputs are too large for a record. */
import { createHash } from 'node:crypto';
import { type Ref, task, workflow } from '@troupe/sdk';

/** Every byte differs from its neighbours, so that a piece in a wrong place shows. */
export function bytesOf(count: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at++) bytes[at] = at * 31 + (at >> 9) + salt;
  return bytes;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface Made {
  readonly title: string;
  /** The process of the node. */
  readonly node: number;
  readonly pages: readonly Uint8Array[];
}

export const make = task('make', (_c, { bytes, salt }: { bytes: number; salt: number }): Made => {
  const half = bytesOf(bytes / 2, salt);
  return {
    title: `number ${salt}`,
    node: process.ppid,
    pages: [half, bytesOf(bytes / 2, salt + 1)],
  };
});

export const look = task('look', (_c, { title, pages }: Made) => {
  return { title, hashes: pages.map(hashOf), node: process.ppid };
});

export const lookNear = task(
  'lookNear',
  (_c, { title, pages }: Made) => ({ title, hashes: pages.map(hashOf), node: process.ppid }),
  { placement: { strategy: 'locality' } },
);

export const lookAtPage = task('lookAtPage', (_c, page: Uint8Array) => hashOf(page));

export const wide = task('wide', (_c, bytes: number) => new Uint8Array(bytes), { retries: 0 });

type Order = { bytes: number; salt: number };

/** Makes something large, waits for a person, and looks at it: whole, at a part, in another block. */
export const archive = workflow('archive', (w, input: Ref<Order>) => {
  const made = w.task('make', make, input);
  const go = w.pause('go', { question: 'look at it?' });
  const whole = w.task('whole', look, made, { after: [go] });
  const page = w.task('page', lookAtPage, w.last(made.pages), { after: [whole] });
  return { made, whole, page };
});

export const nearby = workflow('nearby', (w, salts: Ref<number[]>) => {
  const all = w.parallel('all', salts, (salt) => {
    const made = w.task('make', make, { bytes: 1_000_000, salt });
    return { made: made.node, looked: w.task('look', lookNear, made).node };
  });
  return all;
});

export const judge = workflow('judge', (w, input: Ref<Order>) => {
  const made = w.task('make', make, input);
  const cases = { yes: 'size(title) > 3' };
  w.choice('long', { values: { title: made.title }, cases, otherwise: 'no' });
  return made.title;
});

export const tiny = workflow('tiny', (w, input: Ref<number>) => w.value('same', input));
