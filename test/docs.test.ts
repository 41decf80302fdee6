/** The pages say what the code does: the table of errors, the exit codes, the help of the command. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { errorTable } from '@troupe/model';
import { definitionsOf } from '@troupe/sdk/internal';
import { TestCluster } from '@troupe/sdk/testing';
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
  11: 'OUT_OF_RANGE',
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

test('docs/testing-your-agents.md shows the tests of the example as they are', () => {
  const shown = /```ts\n([\s\S]*?)```/.exec(read('docs/testing-your-agents.md'))?.[1];
  expect(shown).toBe(read('examples/librarian/test/agents.test.ts'));
});

test('docs/testing-your-agents.md names what a test cluster has', () => {
  const page = read('docs/testing-your-agents.md');
  const methods = Object.getOwnPropertyNames(TestCluster.prototype);
  for (const name of methods.filter((one) => one !== 'constructor')) expect(page).toContain(name);
});

test('every command of the README exists, and takes the options and arguments that it is given', () => {
  const lines = [...read('README.md').matchAll(/^npx troupe (.+?)(?: +#.*)?$/gm)];
  expect(lines.length).toBeGreaterThan(10);
  const told = new Map<string, string>();
  const helpOf = (named: readonly string[]): string => {
    const help = told.get(named.join(' ')) ?? troupe(...named, '--help');
    told.set(named.join(' '), help);
    return help;
  };
  for (const [, line = ''] of lines) {
    const words = line.match(/'[^']*'|"[^"]*"|[^ ]+/g) ?? [];
    const isGroup = helpOf(words.slice(0, 1)).includes('\nCommands:');
    const named = words.slice(0, isGroup && /^[a-z]/.test(words[1] ?? '-') ? 2 : 1);
    const help = helpOf(named);
    expect(help).toContain(`Usage: troupe ${named.join(' ')}`);
    for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(help).toContain(`${option} `);
    // A group with a command of its own takes what that takes.
    if (help.includes('\nCommands:')) continue;
    const given = argumentsOf(words.slice(named.length), help);
    const usage = help.split('\n')[0]?.replace('[options]', '').replace('[command]', '') ?? '';
    const least = usage.match(/</g)?.length ?? 0;
    const most = usage.includes('...') ? Infinity : least + (usage.match(/\[/g)?.length ?? 0);
    expect(given.length, line).toBeGreaterThanOrEqual(least);
    expect(given.length, line).toBeLessThanOrEqual(most);
  }
  // The command starts once for each of them.
}, 180_000);

/** What is neither an option nor the value of one. */
function argumentsOf(words: readonly string[], help: string): readonly string[] {
  return words.filter((word, at) => {
    const before = words[at - 1] ?? '';
    const isValue = before.startsWith('--') && new RegExp(`${before} [<[]`).test(help);
    return !word.startsWith('--') && !isValue;
  });
}

test('the modules of the README compile, and their workflows can run', async () => {
  const modules = [...read('README.md').matchAll(/`(\w+\.ts)`[^`]*\n\n```ts\n(.*?)```/gs)];
  expect(modules.map(([, name]) => name)).toEqual(
    expect.arrayContaining(['counter.ts', 'tally.ts', 'review.ts', 'visits.ts']),
  );
  mkdirSync(join(root, '.troupe'), { recursive: true });
  const folder = mkdtempSync(join(root, '.troupe', 'readme-'));
  try {
    for (const [, name = '', text = ''] of modules) writeFileSync(join(folder, name), text);
    const base = join(root, 'tsconfig.base.json');
    const compilerOptions = { noEmit: true, composite: false, isolatedDeclarations: false };
    const config = { extends: base, compilerOptions, include: ['*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    expect(stdout).toBe('');
    const { compile } = await import(join(root, 'scheduler/core/src/dag/index.ts'));
    for (const name of ['tally.ts', 'review.ts']) {
      const { workflows, ...manifest } = (await bundled(join(folder, name))).manifest;
      expect(workflows.length).toBeGreaterThan(0);
      for (const workflow of workflows) {
        expect(compile(workflow, manifest)).not.toHaveProperty('failure');
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What a module declares, bundled as `troupe deploy` does it. */
async function bundled(file: string) {
  const out = `${file}.mjs`;
  writeFileSync(out, (await bundleFile(file)).bytes);
  return definitionsOf(await import(pathToFileURL(out).href));
}

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
