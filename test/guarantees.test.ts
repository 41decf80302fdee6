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
      return !existsSync(root + file) || !readFileSync(root + file, 'utf8').includes(title);
    });
  expect(missing).toEqual([]);
});
