/** How a run or a check that was asked for ends: 2 when it was asked wrongly, 3 without a proof. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { begin } from './histories.ts';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-chaos-'));
afterAll(() => rmSync(folder, { recursive: true }));
const broken = join(folder, 'broken.jsonl');
writeFileSync(broken, 'no line\n{}\n');
const cut = join(folder, 'cut.jsonl');
writeFileSync(cut, `${JSON.stringify(begin())}\n{"kind":"oper`);
const others = join(folder, 'others');
mkdirSync(join(others, 'data'), { recursive: true });
const strange = join(folder, 'strange');
mkdirSync(strange);
writeFileSync(join(strange, 'history.jsonl'), '{"kind":"note"}\n');
const nowhere = join(folder, 'no', 'x.html');

it.each([
  [['--check', join(folder, 'none')], 2, 'cannot be read: ENOENT'],
  [['--check', folder], 2, 'cannot be read: EISDIR'],
  [['--check', cut, '--html', nowhere], 2, 'x.html cannot be written: ENOENT'],
  [['--check', cut, '--for', '5s'], 2, '--for does nothing beside --check'],
  [['--check', broken], 3, 'line 1 is no line of a history'],
  [['--check', cut], 3, 'the history was cut short'],
  [['--for', '5x'], 2, '--for 5x is no time such as 90s, 10m or 1h'],
  [['--for', '0s'], 2, '--for 0s is no time such as 90s, 10m or 1h'],
  [['--only', 'kill-node,'], 2, '"" is no kind of fault; there are kill-node, '],
  [['--dir', others], 2, 'others/data is there and of no earlier run: give another --dir'],
  [['--dir', strange], 2, 'history.jsonl is there and of no earlier run: give another --dir'],
  [['--dir', cut], 2, 'cut.jsonl is no folder'],
  [['--seed', '../7'], 2, '--seed ../7 is no name of a folder, so it needs --dir'],
  [['--only', 'restore-data'], 2, 'restore-data comes last, after rounds of others'],
  [['--nodes', '300'], 2, '--nodes 300 is over 200'],
  [['--schedulers', '10'], 2, '--schedulers 10 is over 9'],
  [['--foo'], 2, "Unknown option '--foo'"],
])('%j ends with %i', (options, code, said) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...options], {
    encoding: 'utf8',
  });
  expect(stdout + stderr).toContain(said);
  expect(stdout + stderr).not.toMatch(/history and logs in| {4}at /);
  expect(status).toBe(code);
});

it('a library for clocks that is not there is not passed over for another one', () => {
  const options = ['--dir', join(folder, 'new')];
  const env = { ...process.env, FAKETIME_LIBRARY: join(folder, 'none.so') };
  const { status, stderr } = spawnSync(process.execPath, [main, ...options], {
    encoding: 'utf8',
    env,
  });
  expect(stderr).toMatch(/^FAKETIME_LIBRARY names .*none\.so, which is not there$/m);
  expect(status).toBe(2);
});
