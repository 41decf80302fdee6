/** `troupe topics`, `publish`, `subscribe` and `unsubscribe`, against a cluster of its own. */
import { expect, it } from 'vitest';
import { ownCluster } from './own-cluster.ts';

const { run, json } = ownCluster('counter.ts');

it('what is published comes to who has subscribed, and to nobody who has left', async () => {
  expect(await json('publish', 'amounts', '100')).toEqual({ topic: 'amounts', number: 1 });
  const subscribed = await json('subscribe', 'amounts', 'Counter/a', 'add');
  expect(subscribed).toMatchObject({ after: 1 });
  expect(await json('publish', 'amounts', '7')).toMatchObject({ number: 2 });
  await expect.poll(() => json('call', 'Counter/a', 'get'), { timeout: 20_000 }).toBe(7);
  expect(await json('topics', 'amounts')).toMatchObject({
    published: 2,
    page: [{ type: 'Counter', key: 'a', method: 'add', after: 1, waiting: 0 }],
  });
  expect(await json('topics')).toMatchObject({ topics: [{ name: 'amounts' }], total: 1 });
  expect((await run(['topics'])).stdout).toMatch(/amounts +n1/);
  expect((await run(['topics', 'amounts'])).stdout).toMatch(/Counter\/a +add +1 +0/);
  expect((await run(['actors'])).stdout).not.toContain('$topic');
  expect(await json('unsubscribe', 'amounts', 'Counter/a')).toMatchObject({ had: true });
  await json('publish', 'amounts', '9');
  expect(await json('topics', 'amounts')).toMatchObject({ published: 3, subscribers: 0 });
  expect(await json('call', 'Counter/a', 'get')).toBe(7);
}, 60_000);

it('what nobody deployed cannot subscribe', async () => {
  const type = await run(['subscribe', 'amounts', 'Nobody/a', 'add']);
  expect(type.stderr).toContain('UNKNOWN_TYPE');
  const method = await run(['subscribe', 'amounts', 'Counter/a', 'take']);
  expect(method.stderr).toContain('UNKNOWN_METHOD');
  const value = await run(['publish', 'amounts', 'no json']);
  expect(value).toMatchObject({ code: 2 });
});
