/** `troupe runs`, against a cluster of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type Troupe } from '@troupe/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { bundleFile } from '../src/bundle/bundle.ts';
import { readRecord } from '../src/local/state-file.ts';
import { type Ran, troupe } from './run-command.ts';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));

let folder: string;
let client: Troupe;
let bundle = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-runs-'));
  await json('up', '--detach', '--nodes', '1', '--port', '0');
  client = await connect({ address: readRecord(folder)?.address ?? '' });
  bundle = await deploy('review');
});
afterAll(async () => {
  await client.close();
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
  return (await client.deploy((await bundleFile(fixture(name))).bytes)).bundle;
}

async function start(id: string): Promise<void> {
  await client.start('review', { texts: ['one', 'two'], key: id }, { run: id });
}

/** Looks at the run again and again until it is so. */
async function until(id: string, so: object): Promise<void> {
  await expect.poll(() => client.run(id).view(200)).toMatchObject(so);
}

async function answer(id: string, ...blocks: string[]): Promise<void> {
  for (const block of blocks) await client.run(id).resume(block, 5);
}

const grades = ['grade[0][0]', 'grade[1][0]', 'grade[0][1]', 'grade[1][1]'];

it('a run is shown with its rounds and branches, in a table that fits the window', async () => {
  await start('a');
  await until('a', { state: 'waiting', progress: { waiting: 2 } });
  await answer('a', 'grade[1][0]');
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
  await answer('a', ...grades.filter((block) => block !== 'grade[1][0]'));
  await until('a/translated', { state: 'waiting', parent: { run: 'a', block: 'translated' } });
  expect((await run(['runs', 'show', 'a'])).stdout).toMatch(/^translated .* run a\/translated$/m);
  expect((await run(['runs', 'show', 'a/translated'])).stdout).toContain(
    'it is block translated of run a',
  );
  await json('runs', 'resume', 'a/translated', 'translator', '"Ada"');
  await until('a', { state: 'failed', outcome: { failure: { details: { block: 'print' } } } });
});

it('a failed run starts again where it failed, or from a block, with what it had before', async () => {
  const again = z.object({ run: z.string() }).parse(await json('runs', 'again', 'a', '--failed'));
  const came = { printed: 'at last', last: 'first' };
  expect(await client.run(again.run).result()).toEqual(came);
  // Nobody was asked a second time.
  await json('runs', 'again', again.run, '--block', 'say', '--run', 'b');
  expect(await client.run('b').result()).toEqual(came);
  const refused = await run(['runs', 'again', 'a', '--block', 'grade']);
  expect(refused.stderr).toMatch(/^UNKNOWN_BLOCK: block "grade" lies in "rounds"/);
  expect(await run(['runs', 'again', 'a', '--failed', '--block', 'say'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('name either --block ID or --failed'),
  });
});

it('a run goes on by a new version and back again, or is told the first difference', async () => {
  await start('c');
  await until('c', { state: 'waiting', bundle });
  const later = await deploy('review-later');
  expect(await json('runs', 'move', 'c')).toMatchObject({ bundle: later });
  expect(await json('runs', 'move', 'c', '--bundle', bundle.slice(0, 8))).toMatchObject({ bundle });
  await client.run('c').move(later);
  await answer('c', ...grades);
  await until('c/translated', { state: 'waiting' });
  await answer('c/translated', 'translator');
  await until('c', { state: 'failed' });
  const again = await client.run('c').again({ failedOnly: true });
  expect(await again.result()).toMatchObject({ last: 'second' });
  for (const [args, message] of [
    [['c'], /^WRONG_STATE: run "c" has its outcome/],
    [['c', '--bundle', '00000000'], /^UNKNOWN_BUNDLE: .*begins with 00000000/],
  ] as const) {
    expect((await run(['runs', 'move', ...args])).stderr).toMatch(message);
  }
  // Of `b` block say is kept, and the latest version has another.
  await expect(client.run('b').again({ failedOnly: true })).rejects.toMatchObject({
    code: 'WRONG_STATE',
    message: expect.stringContaining('block "say" is another'),
  });
});
