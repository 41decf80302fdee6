import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crewLimits, type Digest } from '../src/contract.ts';
import { digestOf, headingCount, keyTermsOf } from '../src/documents/digest.ts';
import { termsOf } from '../src/documents/terms.ts';
import { search } from '../src/index/ranking.ts';
import { libraryOf } from './folders.ts';

function indexOf(files: { readonly [name: string]: string }): { [path: string]: Digest } {
  return Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path, digestOf({ path, hash: 'h', text })]),
  );
}

test('a word is found in its other forms, and inside names of code', () => {
  expect(termsOf('Places placed placing')).toEqual(['plac', 'plac', 'plac']);
  expect(termsOf('startCluster')).toEqual(['startcluster', 'start', 'cluster']);
  expect(termsOf('the and of')).toEqual([]);
  expect(termsOf('分散システム').length).toBeGreaterThan(1);
});

test('the passage that speaks of the question comes first', () => {
  const index = indexOf({
    ...libraryOf(40),
    'notes/bridge.md': '# Bridge\n\nThe drawbridge is raised by two oxen at dusk.\n',
  });
  const { hits } = search(index, 'Who raises the drawbridge?');
  expect(hits[0]).toMatchObject({ path: 'notes/bridge.md', from: 1, to: 3, heading: 'Bridge' });
});

test('prose comes before code that holds the same words', () => {
  const index = indexOf({
    'a.json': '{ "drawbridge": "oxen" }',
    'b.md': 'The drawbridge has oxen.',
    'c.md': 'Nothing of the kind.',
  });
  expect(search(index, 'drawbridge oxen').hits.map(({ path }) => path)).toEqual(['b.md', 'a.json']);
});

test('the order in which documents were learned changes nothing', () => {
  const entries = Object.entries(indexOf(libraryOf(30)));
  const question = 'Which keeper is paid with salt after the storm?';
  const expected = search(Object.fromEntries(entries), question);
  expect(expected.hits).toHaveLength(crewLimits.hitsMax);
  fc.assert(
    fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
      expect(search(Object.fromEntries(shuffled), question)).toEqual(expected);
    }),
  );
});

test('one document does not crowd out the others', () => {
  const long = Array.from({ length: 12 }, (_, i) => `# Oxen ${i}\n\nOxen and oxen.\n`).join('\n');
  const { hits } = search(indexOf({ 'long.md': long, 'short.md': 'One of the oxen.' }), 'oxen');
  expect(hits.filter(({ path }) => path === 'long.md')).toHaveLength(crewLimits.hitsPerDocumentMax);
  expect(hits.map(({ path }) => path)).toContain('short.md');
});

test('a question of unknown words finds nothing', () => {
  expect(search(indexOf(libraryOf(5)), 'xylophone')).toEqual({ hits: [], weights: {} });
});

test('a document comes before the test that says the same', () => {
  const text = 'The drawbridge has oxen.';
  const index = indexOf({ 'a/test/bridge.md': text, 'b/bridge.md': text, 'c.md': 'Nothing.' });
  expect(search(index, 'oxen').hits.map(({ path }) => path)).toEqual([
    'b/bridge.md',
    'a/test/bridge.md',
  ]);
});

test('key terms are words as the document writes them', () => {
  const text = '# One\n\ngranaries granary granary mills mill the the the the\n\n# Two\n\nferry\n';
  expect(keyTermsOf(text, 2)).toEqual(['granaries', 'mills']);
});

test('a digest counts its headings once each', () => {
  const digest = digestOf({ path: 'n.md', hash: 'h', text: '# One\n\nferry\n\n# Two\n\nmill\n' });
  expect(headingCount(digest)).toBe(2);
});
