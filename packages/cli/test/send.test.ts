/** `troupe send`, and `troupe call --key`, against a cluster of its own. */
import { expect, it } from 'vitest';
import { ownCluster } from './own-cluster.ts';

const { run, json } = ownCluster('counter.ts');

it('a letter is sent from a shell, later and once for its key, and what fails is dead', async () => {
  expect(await json('send', 'Counter/a', 'add', '5')).toEqual({ sent: 'Counter/a', method: 'add' });
  const twice = ['send', 'Counter/a', 'add', '2', '--key', 'order-17', '--delay', '1s'];
  await json(...twice);
  expect((await run(twice)).stdout).toContain(
    'the letter to Counter/a is durable, and leaves after 1s',
  );
  await json(
    'send',
    'Counter/a',
    'fail',
    '--retries',
    '1',
    '--backoff',
    '10ms',
    '--priority',
    'high',
  );
  await expect.poll(() => json('call', 'Counter/a', 'get'), { timeout: 20_000 }).toBe(7);
  const dead = () => json('letters', 'dead', 'Counter/a');
  await expect.poll(dead, { timeout: 20_000 }).toMatchObject({
    letters: [{ method: 'fail', attempts: 2, from: expect.stringContaining('/$postbox/') }],
  });
  expect((await run(['actors'])).stdout).not.toContain('$postbox');
}, 60_000);

it('a call with a key that is made again has the first reply', async () => {
  const first = await json('call', 'Counter/b', 'add', '5', '--key', 'order-17');
  expect([first, await json('call', 'Counter/b', 'add', '5', '--key', 'order-17')]).toEqual([5, 5]);
  const another = await run(['call', 'Counter/b', 'add', '6', '--key', 'order-17']);
  expect(another.stderr).toContain('ALREADY_EXISTS');
});

it('what nobody deployed is sent nothing', async () => {
  expect((await run(['send', 'Nobody/a', 'add', '1'])).stderr).toContain('UNKNOWN_TYPE');
  expect((await run(['send', 'Counter/a', 'take', '1'])).stderr).toContain('UNKNOWN_METHOD');
  expect(await run(['send', 'Counter/a', 'add', '1', '--delay', 'soon'])).toMatchObject({
    code: 2,
  });
});
