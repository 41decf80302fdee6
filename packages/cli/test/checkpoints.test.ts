/** `troupe checkpoints` and `troupe restore`, against a cluster of its own. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ownCluster } from './own-cluster.ts';

interface Listed {
  readonly id: number;
  readonly turn: number;
  readonly pinned: boolean;
}

const { folder, run, json } = ownCluster('clerk.ts');

async function listed(actor: string): Promise<readonly Listed[]> {
  return (await json('checkpoints', actor)) as readonly Listed[];
}

async function storedAt(actor: string, turn: number): Promise<string> {
  await json('actor', 'stop', actor);
  const last = async () => (await listed(actor))[0];
  await expect.poll(async () => (await last())?.turn, { timeout: 20_000 }).toBe(turn);
  return String((await last())?.id);
}

/** Numbers of the checkpoints with what was booked first, and with both. */
async function booked(actor: string): Promise<readonly [first: string, second: string]> {
  await json('call', actor, 'openUp');
  await json('call', actor, 'book', '"a"');
  const first = await storedAt(actor, 2);
  await json('call', actor, 'book', '"b"');
  return [first, await storedAt(actor, 3)];
}

it('versions of an actor are listed, shown, pinned and compared', async () => {
  const [first, second] = await booked('Till/north');
  const table = await run(['checkpoints', 'Till/north']);
  expect(table.stdout).toMatch(new RegExp(`${second} +3 .* idle .* B`));
  await json('checkpoints', 'pin', 'Till/north', first);
  expect((await listed('Till/north')).map(({ pinned }) => pinned)).toEqual([false, true]);
  const shown = await run(['checkpoints', 'show', 'Till/north', first]);
  expect(shown.stdout).toContain(`checkpoint ${first} of Till/north: turn 2`);
  expect(shown.stdout).toContain('knows default/Till/north@2');
  expect(await json('checkpoints', 'show', 'Till/north', first)).toMatchObject({
    state: { open: true, booked: ['a'] },
  });
  expect(await json('checkpoints', 'diff', 'Till/north', first, second)).toEqual([
    { place: 'state.booked[1]', after: 'b' },
  ]);
  const none = await run(['checkpoints', 'show', 'Till/north', '999999']);
  expect(none.code).not.toBe(0);
  expect(none.stderr).toContain('UNKNOWN_CHECKPOINT');
});

it('versions of an actor are copied, written to a file, read from there and gone back to', async () => {
  const [first, second] = await booked('Till/east');
  await json('checkpoints', 'fork', 'Till/east', first, 'south');
  expect(await json('call', 'Till/south', 'booked')).toEqual(['a']);
  const file = join(folder, 'east.checkpoint');
  await json('checkpoints', 'export', 'Till/east', second, file);
  await json('checkpoints', 'import', file, 'Till/west');
  expect(await json('call', 'Till/west', 'booked')).toEqual(['a', 'b']);
  const nowhere = join(folder, 'no', 'such', 'folder');
  const unwritten = await run(['checkpoints', 'export', 'Till/east', second, nowhere]);
  expect(unwritten).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('cannot be written'),
  });
  await json('restore', 'Till/east', first);
  expect(await json('call', 'Till/east', 'booked')).toEqual(['a']);
});
