/** `troupe savepoint`, `savepoints`, `line` and `rewind`, against a cluster of its own. */
import { connect } from '@troupe/sdk';
import { beforeAll, expect, it } from 'vitest';
import { readRecord } from '../src/local/state-file.ts';
import { ownCluster } from './own-cluster.ts';

const { folder, run, json } = ownCluster('tally.ts');
beforeAll(async () => {
  const client = await connect({ address: readRecord(folder)?.address ?? '' });
  const counter = client.actor('Counter', 'a', { scope: 'team' });
  for (const amount of [1, 2, 3]) await counter['add']?.(amount);
  await client.close();
});

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

it('a scope goes back only without --dry-run, to what that has said, and the steps beyond it are named', async () => {
  const actor = 'default/Counter/a';
  const { line } = (await json('savepoint', 'team', 'dawn')) as { line: Record<string, number> };
  const before = await json('call', 'Counter/a', 'get');
  const turn = (line[actor] ?? 0) + 1;
  const charged = Number(before) + 5;
  expect(await json('call', 'Counter/a', 'charge', '5')).toBe(charged);
  const dry = await json('rewind', 'team', '--savepoint', 'dawn', '--dry-run');
  expect(dry).toMatchObject({ scope: 'team', line, last: { [actor]: turn }, effectCount: 2 });
  const { effects } = dry as { effects: readonly object[] };
  const effectId = /^charge \(default\/Counter\/a#\d+\/.+\/0\)$/;
  expect(effects).toMatchObject([
    { actor, turn, kind: 'step', what: expect.stringMatching(effectId) },
    { actor, turn, kind: 'answer' },
  ]);
  const table = await run(['rewind', 'team', '--to', `Counter/a@${turn - 1}`, '--dry-run']);
  expect(table.stdout).toContain('2 effects on others lie beyond it');
  expect(table.stdout).toMatch(new RegExp(`Counter/a +${turn} +step +charge \\(`));
  // Nothing went back by that.
  expect(await json('call', 'Counter/a', 'get')).toBe(charged);
  const back = await run(['rewind', 'team', '--to', `Counter/a@${turn - 1}`]);
  expect(back.stdout).toMatch(/team went back, to its incarnation \d+/);
  expect(back.stdout).toMatch(new RegExp(`default/Counter/a +${turn - 1}`));
  expect(await json('call', 'Counter/a', 'get')).toBe(before);
  await json('call', 'Counter/a', 'charge', '7');
  expect(await json('rewind', 'team', '--savepoint', 'dawn')).toMatchObject({ line });
  expect(await json('call', 'Counter/a', 'get')).toBe(before);
});

it('blocks of runs that were answered beyond a line are named, with what has become of them', async () => {
  const actor = 'default/Counter/a';
  const { line } = (await json('savepoint', 'team', 'eve')) as { line: Record<string, number> };
  const turn = (line[actor] ?? 0) + 1;
  await run(['run', 'tally', JSON.stringify({ key: 'a' }), '--run', 'tally-monday', '--wait']);
  const block = { run: 'tally-monday', runState: 'done', block: 'one', state: 'done' };
  expect(await json('rewind', 'team', '--savepoint', 'eve', '--dry-run')).toMatchObject({
    blockCount: 1,
    blocks: [{ ...block, actor, turn, calls: 1 }],
  });
  const shown = await run(['line', 'team', '--savepoint', 'eve']);
  expect(shown.stdout).toContain('1 blocks of runs were answered beyond it, or wait for that');
  expect(shown.stdout).toContain('troupe runs again RUN --block BLOCK');
  expect(shown.stdout).toMatch(new RegExp(`tally-monday +done +one +done +${actor} +${turn} +1`));
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
