/** `troupe call --stream`, against a cluster of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@troupe/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleFile } from '../src/bundle/bundle.ts';
import { readRecord } from '../src/local/state-file.ts';
import { type Ran, troupe } from './run-command.ts';

const fixture = fileURLToPath(new URL('fixtures/pages.ts', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-streams-'));
  await run('up', '--detach', '--nodes', '1', '--port', '0');
  const client = await connect({ address: readRecord(folder)?.address ?? '' });
  await client.deploy((await bundleFile(fixture)).bytes);
  await client.close();
});
afterAll(async () => {
  await troupe(['down', '--data', folder]);
  rmSync(folder, { recursive: true });
});

function run(...args: string[]): Promise<Ran> {
  return troupe([...args, '--data', folder], { env: { COLUMNS: '0' } });
}

function lines({ stdout }: Ran): unknown[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

it('values are printed as they come, and then the reply', async () => {
  const ran = await run('call', 'Reader/a', 'pages', '2', '--stream', '--json');
  expect(ran.code).toBe(0);
  expect(lines(ran)).toEqual([
    { position: 0, value: { page: 0 } },
    { position: 1, value: { page: 1 } },
    { reply: 2 },
  ]);
});

it('a stream is gone on with by its id, from a position', async () => {
  await run('call', 'Reader/b', 'pages', '4', '--stream-id', 'mine');
  const rest = ['--stream-id', 'mine', '--from', '3', '--json'];
  const ran = await run('call', 'Reader/b', 'pages', '4', ...rest);
  expect(lines(ran)).toEqual([{ position: 3, value: { page: 3 } }, { reply: 4 }]);
});

it('what a method yields before it fails is printed before its failure', async () => {
  const ran = await run('call', 'Reader/a', 'fails', '--stream');
  expect(ran.stdout).toBe('one\n');
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('as asked');
});

it('a stream that is not known is not begun from its middle', async () => {
  const ran = await run('call', 'Reader/a', 'pages', '4', '--stream-id', 'never', '--from', '2');
  expect(ran.stdout).toBe('');
  expect(ran.stderr).toContain('SESSION_FORGOTTEN');
});
