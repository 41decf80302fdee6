/** GUARANTEES.md names a test for each promise: each of them must exist, by file and title. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(`${root}GUARANTEES.md`, 'utf8');

/** The numbered promises and the tests they name. */
function promises(): { readonly number: number; readonly named: readonly string[] }[] {
  return page
    .split(/^(?=\d+\. \*\*)/m)
    .filter((part) => /^\d+\. \*\*/.test(part))
    .map((part) => ({
      number: Number.parseInt(part, 10),
      named: [...part.matchAll(/^\s*- `([^`]+)`/gm)].map(([, name = '']) => name),
    }));
}

it('the promises are numbered without a gap, and each names a test', () => {
  const all = promises();
  expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => index + 1));
  expect(all.filter(({ named }) => named.length === 0)).toEqual([]);
});

it('every test that a promise names exists', () => {
  const missing = promises()
    .flatMap(({ named }) => named)
    .filter((name) => {
      const [file = '', title = ''] = name.split(' › ');
      return !existsSync(root + file) || !isTest(readFileSync(root + file, 'utf8'), title);
    });
  expect(missing).toEqual([]);
});

it('every checker of the simulation that a promise names exists', () => {
  const lines = [...page.matchAll(/^\s*- the checkers? (.+) of the simulation$/gm)];
  const named = lines.flatMap(([, names = '']) => [...names.matchAll(/`([^`]+)`/g)]);
  expect(named.length).toBeGreaterThan(0);
  const missing = named.filter(([, name]) => {
    return !existsSync(`${root}chaos/sim/src/checkers/${name}.ts`);
  });
  expect(missing).toEqual([]);
});

it.each([
  ["it('a b', () => {});", true],
  ['test(`so many a b, or more`, () => {});', true],
  ["it.skipIf(none)('a b', () => {});", true],
  ['/** Not that a b. */', false],
  ["it('a b and more', () => {});", false],
  ["it.skip('a b', () => {});", false],
  ["it.todo('a b');", false],
])('by its whole name, and when it is run: %s', (text, is) => {
  expect(isTest(text, 'a b')).toBe(is);
});

/** Whether it is the name of a test, or part of one that is made up as it runs, and not one left out for good. */
function isTest(text: string, title: string): boolean {
  const run = text.replace(/\.(?:skip|todo)\(\s*(?:'[^'\n]*'|"[^"\n]*"|`[^`]*`)/g, '');
  const plain = ["'", '"'].some((quote) => run.includes(`${quote}${title}${quote}`));
  return plain || [...run.matchAll(/`[^`]*`/g)].some(([template]) => template.includes(title));
}
