/** `troupe savepoint`, `savepoints` and `line`, against a cluster of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@troupe/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleFile } from '../src/bundle/bundle.ts';
import { readRecord } from '../src/local/state-file.ts';
import { type Ran, troupe } from './run-command.ts';

const fixture = fileURLToPath(new URL('fixtures/counter.ts', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-scopes-'));
  await run(['up', '--detach', '--nodes', '1', '--port', '0']);
  const client = await connect({ address: readRecord(folder)?.address ?? '' });
  await client.deploy((await bundleFile(fixture)).bytes);
  const counter = client.actor('Counter', 'a', { scope: 'team' });
  for (const amount of [1, 2, 3]) await counter['add']?.(amount);
  await client.close();
});
afterAll(async () => {
  await troupe(['down', '--data', folder]);
  rmSync(folder, { recursive: true });
});

function run(args: readonly string[]): Promise<Ran> {
  return troupe([...args, '--data', folder], { env: { COLUMNS: '0' } });
}

async function json(...args: string[]): Promise<unknown> {
  const ran = await run([...args, '--json']);
  expect(ran).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
}

it('a savepoint is made, listed, read, shown with what lies beyond it, and forgotten', async () => {
  const actor = 'default/Counter/a';
  expect(await json('savepoint', 'team', 'early')).toMatchObject({ line: { [actor]: 3 } });
  expect(await json('call', 'Counter/a', 'add', '4')).toBe(10);
  expect(await json('savepoints', 'team')).toMatchObject([{ name: 'early' }]);
  expect(await json('call', 'Counter/a', 'get', '--at-turn', '3')).toBe(6);
  expect(await json('call', 'Counter/a', 'get', '--at-turn', '0')).toBe(0);
  const line = { line: { [actor]: 3 }, last: { [actor]: 4 }, earliest: { [actor]: 0 } };
  expect(await json('line', 'team', '--savepoint', 'early')).toMatchObject({
    ...line,
    effectCount: 1,
    effects: [{ actor, turn: 4, kind: 'answer' }],
  });
  const shown = await run(['line', 'team', '--to', 'Counter/a@3']);
  expect(shown.stdout).toMatch(/default\/Counter\/a +3 +4 +0/);
  expect(shown.stdout).toContain('1 effects on others lie beyond it');
  await json('savepoint', 'team', 'early', '--drop');
  expect(await json('savepoints', 'team')).toEqual([]);
});

it('what cannot be had is said, with the next move', async () => {
  const late = await run(['call', 'Counter/a', 'get', '--at-turn', '99']);
  expect(late.stderr).toContain('TOO_FAR_BACK');
  const none = await run(['savepoints', 'nobody']);
  expect(none.stderr).toContain('UNKNOWN_SCOPE');
  const both = await run(['line', 'team']);
  expect(both).toMatchObject({ code: 2 });
  expect(both.stderr).toContain('--to Type/key@turn');
});
