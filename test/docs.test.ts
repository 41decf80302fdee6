/** The pages say what the code does: the table of errors, the exit codes, the help of the command. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorTable } from '@troupe/model';
import { expect, test } from 'vitest';
import { root } from './source/rooms.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const troupe = (...args: string[]) =>
  execFileSync(process.execPath, [join(root, 'packages/cli/bin/troupe.js'), ...args], {
    encoding: 'utf8',
  });

/** Names of the gRPC statuses by number. */
const statuses: Readonly<Record<number, string>> = {
  1: 'CANCELLED',
  2: 'UNKNOWN',
  3: 'INVALID_ARGUMENT',
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  10: 'ABORTED',
  12: 'UNIMPLEMENTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  15: 'DATA_LOSS',
};

test('docs/errors.md is the table of errors, row for row', () => {
  const rows = read('docs/errors.md').match(/^\| `[A-Z].*$/gm);
  const table = Object.entries(errorTable).map(
    ([code, { status, retryable, outcome, next }]) =>
      `| \`${code}\` | ${statuses[status]} | ${retryable ? 'yes' : 'no'} | ${outcome} | ${next} |`,
  );
  expect(rows).toEqual(table);
});

test('docs/errors.md says the exit codes as the command does', () => {
  const said = [...troupe('--help').matchAll(/^ {2}(\d+) +(.+)$/gm)].map(
    ([, code, meaning]) => `| ${code} | ${meaning} |`,
  );
  expect(said.length).toBeGreaterThan(3);
  for (const row of said) expect(read('docs/errors.md')).toContain(row);
});

test('every command of the README exists, with the options that it is given', () => {
  const lines = [...read('README.md').matchAll(/^npx troupe (.+?)(?: +#.*)?$/gm)];
  expect(lines.length).toBeGreaterThan(10);
  const told = new Map<string, string>();
  for (const [, line = ''] of lines) {
    const words = line.split(' ');
    const group = ['node', 'runs', 'tenants', 'scheduler'].includes(words[0] ?? '');
    const named = words.slice(0, group && /^[a-z]/.test(words[1] ?? '-') ? 2 : 1);
    const help = told.get(named.join(' ')) ?? troupe(...named, '--help');
    told.set(named.join(' '), help);
    expect(help).toContain(`Usage: troupe ${named.join(' ')}`);
    for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(help).toContain(`${option} `);
  }
});

test('every file that a page names is there', () => {
  const pages = ['README.md', 'ARCHITECTURE.md', ...readdirSync(join(root, 'docs'))];
  const named = pages.flatMap((page) => {
    const text = read(existsSync(join(root, page)) ? page : join('docs', page));
    return [
      ...text.matchAll(
        /`((?:packages|scheduler|worker-node|examples|bench|deploy|docs|test|proto)\/[\w./-]+)`/g,
      ),
    ];
  });
  expect(
    named.map(([, path = '']) => path).filter((path) => !existsSync(join(root, path))),
  ).toEqual([]);
});
