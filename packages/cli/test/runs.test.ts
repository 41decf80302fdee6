/** `troupe runs`, against a cluster of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Ran, troupe } from './run-command.ts';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));
const input = (key: string) => JSON.stringify({ texts: ['one', 'two'], key });

let folder: string;
let bundle = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-runs-'));
  await json('up', '--detach', '--nodes', '1', '--port', '0');
  bundle = await deploy('review');
});
afterAll(async () => {
  await troupe(['down', '--data', folder]);
  rmSync(folder, { recursive: true });
});

/** A terminal of this width; 0: as wide as need be. */
function run(args: readonly string[], width = 0): Promise<Ran> {
  return troupe([...args, '--data', folder], { env: { COLUMNS: String(width) } });
}

async function json(...args: string[]): Promise<unknown> {
  const ran = await run([...args, '--json']);
  expect(ran).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
}

async function deploy(name: string): Promise<string> {
  return z.object({ bundle: z.string() }).parse(await json('deploy', fixture(name))).bundle;
}

/** Shows the run again and again until it is so. */
async function until(id: string, so: object): Promise<void> {
  await expect.poll(() => json('runs', 'show', id), { timeout: 20_000 }).toMatchObject(so);
}

async function resume(id: string, ...blocks: string[]): Promise<void> {
  for (const block of blocks) await json('runs', 'resume', id, block, '5');
}

const grades = ['grade[0][0]', 'grade[1][0]', 'grade[0][1]', 'grade[1][1]'];

it('a run is shown with its rounds and branches, in a table that fits the window', async () => {
  await json('run', 'review', input('a'), '--run', 'a');
  await until('a', { state: 'waiting', progress: { waiting: 2 } });
  await resume('a', 'grade[1][0]');
  await until('a', { progress: { waiting: 2 } });
  const wide = (await run(['runs', 'show', 'a'])).stdout;
  expect(wide).toMatch(/^blocks: \d+ done, 0 running, 2 waiting, \d+ to come$/m);
  expect(wide).toContain(`version of bundle ${bundle.slice(0, 12)}`);
  expect(wide).toMatch(/^pages +running +0 +0\/2 branches/m);
  expect(wide).toMatch(/^ {2}rounds\[1\] +running +0 +1\/2 rounds/m);
  expect(wide).toMatch(/^ {4}grade\[1\]\[1\] +paused/m);
  expect(wide).toContain("troupe runs approve a 'grade[1][1]'");
  const narrow = (await run(['runs', 'show', 'a'], 60)).stdout;
  const table = narrow.slice(0, narrow.indexOf('\n\ngrade')).split('\n');
  expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(60);
  expect(table.join('\n')).toMatch(/^ {4}grade\[1\]\[1\] +pau/m);
});

it('each pause is answered by its own context id, those of a run within by its id', async () => {
  expect((await run(['runs', 'resume', 'a', 'grade[0][1]', '1'])).stderr).toMatch(
    /^WRONG_STATE: .*what waits for an answer: .*grade\[0\]\[0\]/,
  );
  await resume('a', ...grades.filter((block) => block !== 'grade[1][0]'));
  await until('a/translated', { state: 'waiting', parent: { run: 'a', block: 'translated' } });
  expect((await run(['runs', 'show', 'a'])).stdout).toMatch(/^translated .* run a\/translated$/m);
  expect((await run(['runs', 'show', 'a/translated'])).stdout).toContain(
    'it is block translated of run a',
  );
  await resume('a/translated', 'translator');
  await until('a', { state: 'failed', failure: { details: { block: 'print' } } });
});

it('a failed run starts again where it failed, or from a block, with what it had before', async () => {
  const again = z.object({ run: z.string() }).parse(await json('runs', 'again', 'a', '--failed'));
  await until(again.run, { state: 'done', output: { printed: 'at last', last: 'first' } });
  // Nobody was asked a second time.
  await json('runs', 'again', again.run, '--block', 'say', '--run', 'b');
  await until('b', { state: 'done', output: { printed: 'at last', last: 'first' } });
  const refused = await run(['runs', 'again', 'a', '--block', 'grade']);
  expect(refused.stderr).toMatch(/^UNKNOWN_BLOCK: block "grade" lies in "rounds"/);
  for (const args of [['--failed', '--block', 'say'], []]) {
    expect(await run(['runs', 'again', 'a', ...args])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('name either --block ID or --failed'),
    });
  }
});

it('a run goes on by a new version and back again, or is told the first difference', async () => {
  await json('run', 'review', input('c'), '--run', 'c');
  await until('c', { state: 'waiting', bundle });
  const later = await deploy('review-later');
  expect(await json('runs', 'move', 'c')).toMatchObject({ bundle: later });
  expect(await json('runs', 'move', 'c', '--bundle', bundle.slice(0, 8))).toMatchObject({ bundle });
  expect((await run(['runs', 'move', 'c', '--bundle', later])).code).toBe(0);
  await resume('c', ...grades);
  await until('c/translated', { state: 'waiting' });
  await resume('c/translated', 'translator');
  await until('c', { state: 'failed' });
  await json('runs', 'again', 'c', '--failed', '--run', 'd');
  await until('d', { state: 'done', output: { last: 'second' } });
  for (const [args, message] of [
    [['c'], /^WRONG_STATE: run "c" has its outcome/],
    [['nobody'], /^UNKNOWN_RUN: /],
    [['c', '--bundle', '00000000'], /^UNKNOWN_BUNDLE: .*begins with 00000000/],
  ] as const) {
    expect((await run(['runs', 'move', ...args])).stderr).toMatch(message);
  }
  // Of `b` block say is kept, and the latest version has another.
  const refused = await run(['runs', 'again', 'b', '--failed']);
  expect(refused.stderr).toMatch(/^WRONG_STATE: .*block "say" is another/);
});
