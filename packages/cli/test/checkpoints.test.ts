/** `troupe checkpoints` and `troupe restore`, against a cluster of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ran, troupe } from './run-command.ts';

const fixture = fileURLToPath(new URL('fixtures/clerk.ts', import.meta.url));

interface Listed {
  readonly id: number;
  readonly turn: number;
  readonly pinned: boolean;
}

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-checkpoints-'));
  await run(['up', '--detach', '--nodes', '1', '--port', '0']);
  expect(await run(['deploy', fixture])).toMatchObject({ code: 0 });
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

async function listed(): Promise<readonly Listed[]> {
  return (await json('checkpoints', 'Till/north')) as readonly Listed[];
}

async function storedAt(turn: number): Promise<string> {
  await json('actor', 'stop', 'Till/north');
  const last = async () => (await listed())[0];
  await expect.poll(async () => (await last())?.turn, { timeout: 20_000 }).toBe(turn);
  return String((await last())?.id);
}

it('versions of an actor are listed, shown, pinned, compared, copied and gone back to', async () => {
  await json('call', 'Till/north', 'openUp');
  await json('call', 'Till/north', 'book', '"a"');
  const first = await storedAt(2);
  await json('call', 'Till/north', 'book', '"b"');
  const second = await storedAt(3);
  const table = await run(['checkpoints', 'Till/north']);
  expect(table.stdout).toMatch(new RegExp(`${second} +3 .* idle .* B`));
  await json('checkpoints', 'pin', 'Till/north', first);
  expect((await listed()).map(({ pinned }) => pinned)).toEqual([false, true]);
  const shown = await run(['checkpoints', 'show', 'Till/north', first]);
  expect(shown.stdout).toContain(`checkpoint ${first} of Till/north: turn 2`);
  expect(shown.stdout).toContain('knows default/Till/north@2');
  expect(await json('checkpoints', 'show', 'Till/north', first)).toMatchObject({
    state: { open: true, booked: ['a'] },
  });
  expect(await json('checkpoints', 'diff', 'Till/north', first, second)).toEqual([
    { place: 'state.booked[1]', after: 'b' },
  ]);
  await json('checkpoints', 'fork', 'Till/north', first, 'south');
  expect(await json('call', 'Till/south', 'booked')).toEqual(['a']);
  const file = join(folder, 'north.checkpoint');
  await json('checkpoints', 'export', 'Till/north', second, file);
  await json('checkpoints', 'import', file, 'Till/west');
  expect(await json('call', 'Till/west', 'booked')).toEqual(['a', 'b']);
  await json('restore', 'Till/north', first);
  expect(await json('call', 'Till/north', 'booked')).toEqual(['a']);
  const none = await run(['checkpoints', 'show', 'Till/north', '999999']);
  expect(none.code).not.toBe(0);
  expect(none.stderr).toContain('UNKNOWN_CHECKPOINT');
});
