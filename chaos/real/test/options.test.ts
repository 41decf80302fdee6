/** How a run or a check that was asked for ends: 2 when it was asked wrongly, 3 without a proof. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
  [['--dir', join(cut, 'x')], 2, 'cut.jsonl/x cannot be made or written to: ENOTDIR'],
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

const linux = process.platform === 'linux';
it.runIf(linux)('a folder in which a run is at work is left alone, or not once it ended', () => {
  const dir = join(folder, 'busy');
  const data = join(dir, 'data');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(dir, 'history.jsonl'), `${JSON.stringify(begin())}\n`);
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const began = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const asked = (running: string) => {
    writeFileSync(join(dir, 'running'), running);
    const words = ['--dir', dir, '--loopback', '--only', 'cut-half'];
    return spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' }).stderr;
  };
  expect(asked(`${process.pid} ${began}`)).toContain(
    `a run (pid ${process.pid}) is at work in ${dir}: wait for its end, or give another --dir`,
  );
  expect(existsSync(data)).toBe(true);
  // Another process has the pid now.
  expect(asked(`${process.pid} 7`)).toContain('nothing that was asked for can be had here');
  expect(existsSync(join(dir, 'running'))).toBe(false);
});

it.each(['cut-half', 'cut-half,cut-half,restore-data'])(
  'kinds of which none can be had are refused before anything starts: %s',
  (only) => {
    const dir = join(folder, 'kept');
    const file = join(dir, 'history.jsonl');
    mkdirSync(dir, { recursive: true });
    writeFileSync(file, `${JSON.stringify(begin())}\n`);
    const words = ['--loopback', '--only', only, '--dir', dir];
    const { status, stderr } = spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' });
    expect(stderr).toMatch(
      /^nothing that was asked for can be had here: cut-half \(all processes share one loopback\)$/m,
    );
    expect(status).toBe(2);
    // What an earlier run found is not given up for nothing.
    expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(begin())}\n`);
  },
);

it('a library for clocks is named whole and without links, as its processes show it', () => {
  const file = join(folder, 'real.so');
  writeFileSync(file, '');
  symlinkSync('real.so', join(folder, 'link.so'));
  const module = new URL('../dist/cluster/false-clock.js', import.meta.url).href;
  const script = `const { faketimeLibrary } = await import('${module}'); process.stdout.write(faketimeLibrary());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: folder,
    env: { ...process.env, FAKETIME_LIBRARY: 'link.so' },
  });
  expect(stdout).toBe(realpathSync(file));
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
