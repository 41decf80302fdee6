import { expect, test } from 'vitest';
import type { Excerpt } from '../src/contract.ts';
import { digestOf } from '../src/documents/digest.ts';
import { search } from '../src/index/ranking.ts';
import { answerText } from '../src/writing/answer-file.ts';
import { extractAnswer, type Passages } from '../src/writing/extract.ts';
import { sentencesOf } from '../src/writing/sentences.ts';
import { libraryOf } from './folders.ts';

function excerpt(text: string, kind: Excerpt['kind'] = 'prose', from = 1): Excerpt {
  return { path: 'a.md', from, to: from + text.split('\n').length - 1, heading: '', kind, text };
}

function passagesFor(question: string, files: { readonly [name: string]: string }): Passages {
  const index = Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path, digestOf({ path, hash: 'h', text })]),
  );
  const { hits, weights } = search(index, question);
  const excerpts = hits.map((hit) => ({
    ...hit,
    text: (files[hit.path] ?? '')
      .split('\n')
      .slice(hit.from - 1, hit.to)
      .join('\n'),
  }));
  return { question, excerpts, weights };
}

test('a sentence that runs over lines is cited by the line it begins on', () => {
  const text = '# Title\n\nOne ends here. Two begins\nand ends. Three, e.g. this, goes\non.';
  expect(sentencesOf(excerpt(text, 'prose', 10))).toEqual([
    { line: 12, text: 'One ends here.' },
    { line: 12, text: 'Two begins and ends.' },
    { line: 13, text: 'Three, e.g. this, goes on.' },
  ]);
});

test('items, table rows and links read as sentences; fences and rules do not', () => {
  const text = [
    '- First [item](http://x).',
    '- Second **item**.',
    '| a | b |',
    '| --- | --- |',
    '```',
    'code',
    '```',
  ].join('\n');
  expect(sentencesOf(excerpt(text)).map((sentence) => sentence.text)).toEqual([
    'First item.',
    'Second item.',
    'a: b',
  ]);
});

test('of code the comments are read, with their lines', () => {
  const text =
    '/**\n * Keeps oxen.\n *\n * Feeds them.\n */\nconst ox = 1; // no\n// Drives\n// them.';
  expect(sentencesOf(excerpt(text, 'code'))).toEqual([
    { line: 2, text: 'Keeps oxen.' },
    { line: 4, text: 'Feeds them.' },
    { line: 7, text: 'Drives them.' },
  ]);
});

test('every sentence of an answer stands in a document at the line cited', () => {
  const files = libraryOf(30);
  const answer = extractAnswer(
    passagesFor('Who replaced the roof after the storm, and who paints?', files),
  );
  const lines = answer.text.split('\n');
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) {
    const [, sentence, path, number] = /^(.*) \[(.+):(\d+)\]$/.exec(line) ?? [];
    const source = files[path ?? '']?.split('\n')[Number(number) - 1];
    expect(source).toContain(sentence?.slice(0, 20));
    expect(answer.citations.map((citation) => citation.path)).toContain(path);
  }
  expect(answer.text).toContain('A storm once took the roof');
});

test('the same documents give a byte-identical answer file', () => {
  const files = libraryOf(30);
  const reversed = Object.fromEntries(Object.entries(files).reverse());
  const questions = ['Who replaced the roof?', 'How is the keeper paid?'];
  const write = (library: { readonly [name: string]: string }) =>
    answerText(questions.map((question) => extractAnswer(passagesFor(question, library))));
  expect(write(reversed)).toBe(write(files));
});

test('sentences that say the same are told once', () => {
  const files = {
    'a.md': 'The ox is fed with barley every morning.',
    'b.md': 'The ox is fed with barley every morning!',
    'c.md': 'Barley grows behind the granary wall.',
  };
  const { text } = extractAnswer(passagesFor('What barley is the ox fed?', files));
  expect(text.match(/fed with barley/g)).toHaveLength(1);
});

test('a question that no document answers says so instead of guessing', () => {
  const none = extractAnswer(passagesFor('xylophone', libraryOf(3)));
  expect(none.text).toBe('No document read says anything about this.');
  const near = extractAnswer(passagesFor('oxen', { 'a.json': '{ "oxen": 2 }' }));
  expect(near.text).toBe('No sentence answers this. The nearest passages: [a.json:1]');
});
