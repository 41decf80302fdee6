import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crewLimits } from '../src/contract.ts';
import { passagesOf } from '../src/documents/passages.ts';

test('a Markdown document is cut at its headings, and each passage knows where it stands', () => {
  const text = [
    '# Guide',
    '',
    'Welcome.',
    '',
    '## Install',
    '',
    'Run the installer.',
    '',
    '```sh',
    '# not a heading',
    'npm start',
    '```',
    '',
    'Upkeep',
    '------',
    '',
    'Nothing to do.',
  ].join('\n');
  expect(passagesOf('guide.md', text)).toEqual([
    { from: 1, to: 3, heading: 'Guide', kind: 'prose' },
    { from: 5, to: 12, heading: 'Guide > Install', kind: 'prose' },
    { from: 14, to: 17, heading: 'Guide > Upkeep', kind: 'prose' },
  ]);
});

test('a passage of code is named by what it declares', () => {
  const text = `/** Adds. */\nexport function add(a: number) {\n${'  a += 1;\n'.repeat(8)}}\n\nexport class Sum {\n}\n`;
  expect(passagesOf('src/add.ts', text)).toEqual([
    { from: 1, to: 11, heading: 'add', kind: 'code' },
    { from: 13, to: 14, heading: 'Sum', kind: 'code' },
  ]);
});

test('HTML headings open passages', () => {
  const text = '<h1>Top</h1>\n<p>a</p>\n<h2 id="x">In <b>side</b></h2>\n<p>b</p>';
  expect(passagesOf('page.html', text).map(({ heading }) => heading)).toEqual([
    'Top',
    'Top > In side',
  ]);
});

test('every line with text lies in exactly one passage, in order and within the bound', () => {
  const line = fc.constantFrom(
    '',
    '# A',
    '## B',
    'text.',
    '  indented',
    '}',
    'const x = 1;',
    '---',
  );
  const name = fc.constantFrom('a.md', 'a.ts', 'a.json', 'a.rst', 'README');
  fc.assert(
    fc.property(fc.array(line, { maxLength: 120 }), name, (lines, file) => {
      const passages = passagesOf(file, lines.join('\n'));
      let before = 0;
      for (const { from, to } of passages) {
        expect(from).toBeGreaterThan(before);
        expect(to - from).toBeLessThan(crewLimits.passageLinesMax);
        before = to;
      }
      for (const [i, text] of lines.entries()) {
        const holders = passages.filter(({ from, to }) => from <= i + 1 && i + 1 <= to);
        if (text.trim() !== '') expect(holders).toHaveLength(1);
      }
    }),
  );
});
