/** `troupe topics`, `publish`, `subscribe` and `unsubscribe`, against a cluster of its own. */
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
  folder = mkdtempSync(join(tmpdir(), 'troupe-topics-'));
  await run(['up', '--detach', '--nodes', '1', '--port', '0']);
  const client = await connect({ address: readRecord(folder)?.address ?? '' });
  await client.deploy((await bundleFile(fixture)).bytes);
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
