/** `troupe letters`, against a cluster of its own. */
import { expect, it } from 'vitest';
import { ownCluster } from './own-cluster.ts';

const { run, json } = ownCluster('clerk.ts');

async function deadCount(): Promise<number> {
  return ((await json('letters', 'dead')) as { letters: number }).letters;
}

it('dead letters are found, delivered anew and discarded', async () => {
  await json('call', 'Clerk/ann', 'send', '"north"', '"a"', '"b"', '"c"');
  await expect.poll(deadCount, { timeout: 20_000 }).toBe(3);
  const found = await run(['letters', 'dead']);
  expect(found.stdout).toMatch(/default\/Till\/north +3 .* book +USER_ERROR: .*closed for c/);
  expect(found.stdout).toContain('3 dead letters of 1 actors');
  const of = await run(['letters', 'dead', 'Till/north', '--limit', '2']);
  expect(of.stdout).toMatch(/1 +default\/Clerk\/ann +book\("a"\) .* 1 +USER_ERROR/);
  expect(of.stdout).toContain('2 of 3; go on with --after 2');
  const failed = await run(['letters', 'redeliver', 'Till/north', '1']);
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain('closed for a');
  await json('letters', 'discard', 'Till/north', '2', '--yes');
  await json('call', 'Till/north', 'openUp');
  expect(await json('letters', 'redeliver', 'Till/north', '--all')).toMatchObject({
    letters: [1, 3],
  });
  expect(await json('call', 'Till/north', 'booked')).toEqual(['a', 'c']);
  expect(await json('letters', 'dead')).toMatchObject({ actors: [], letters: 0, silent: [] });
});

it('what cannot be done is said, with the next move', async () => {
  const none = await run(['letters', 'redeliver', 'Till/north', '99']);
  expect(none.stderr).toContain('UNKNOWN_LETTER');
  const nobody = await run(['letters', 'dead', 'Till/nobody']);
  expect(nobody.stderr).toContain('UNKNOWN_ACTOR');
  const both = await run(['letters', 'discard', 'Till/north', '1', '--all', '--yes']);
  expect(both).toMatchObject({ code: 2 });
});
