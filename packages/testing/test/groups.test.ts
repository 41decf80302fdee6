/** Reads of declared groups, in a test cluster. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { expect, test } from 'vitest';

let atOnce = 0;
let most = 0;
const gates: (() => void)[] = [];

const Library = actor('Library', {
  state: () => ({ books: ['Emma'] }),
  methods: {
    add(c, book: string) {
      c.state.books.push(book);
      return c.state.books.length;
    },
  },
  reads: {
    async search(c, word: string) {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise<void>((resolve) => gates.push(resolve));
      atOnce -= 1;
      return c.state.books.filter((book) => book.includes(word)).length;
    },
    count: (c) => c.state.books.length,
  },
  groups: { searches: { most: 3, reads: ['search'] } },
});

test('only so many reads of a group run at once, and turns and other reads beside them', async () => {
  const cluster = await TestCluster.start({ bundle: { Library } });
  const library = cluster.connect().actor(Library, 'a');
  await library.count();
  const found = Array.from({ length: 10 }, () => library.search('Emma'));
  await cluster.advance('1s');
  expect(atOnce).toBe(3);
  expect(await library.add('Persuasion')).toBe(2);
  expect(await library.count()).toBe(2);
  for (let n = 0; n < 10; n++) {
    gates.shift()?.();
    await cluster.advance('100ms');
  }
  expect(await Promise.all(found)).toEqual(Array(10).fill(1));
  expect(most).toBe(3);
  await cluster.stop();
});

test.each([
  ['a method', { searches: { most: 1, reads: ['add'] } }],
  ['no number', { searches: { most: 0, reads: ['count'] } }],
  ['two groups', { a: { most: 1, reads: ['count'] }, b: { most: 1, reads: ['count'] } }],
])('a group of %s is refused where it is written', (_what, groups) => {
  const made = () =>
    actor('Library', {
      state: () => ({}),
      methods: { add: () => 1 },
      reads: { count: () => 1 },
      groups: groups as never,
    });
  expect(made).toThrow(/INVALID_ARGUMENT|no read|two groups|whole number/);
});
