import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRunning } from '../src/local/identity.ts';
import { readRecord } from '../src/local/state-file.ts';
import { type Ran, troupe } from './run-command.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-alone-'));
  const up = await run('up', '--detach', '--nodes', '1', '--port', '0');
  expect(up).toMatchObject({ code: 0 });
}, 90_000);
afterAll(async () => {
  await run('down');
  rmSync(folder, { recursive: true });
});

function run(...args: string[]): Promise<Ran> {
  return troupe([...args, '--data', folder]);
}

function node() {
  return readRecord(folder)?.processes.find(({ kind }) => kind === 'node');
}

test('a cluster of one node is whole again after it lost NATS for longer than its lease', async () => {
  const before = node();
  const ran = await run('chaos', 'freeze-nats', '--for', '6s', '--yes', '--json');
  expect(JSON.parse(ran.stdout)).toMatchObject({ kind: 'freeze-nats', outcome: 'recovered' });
  expect(ran.code).toBe(0);
  const after = node();
  expect(after !== undefined && isRunning(after)).toBe(true);
  // It was fenced: this one is somebody else.
  expect(after?.incarnation).not.toBe(before?.incarnation);
}, 120_000);

test('a cluster that is not whole in time is told with a code and the next move', async () => {
  const ran = await run('chaos', 'kill-node', 'n1', '--within', '1ms', '--yes');
  expect(ran.stderr).toMatch(
    /^UNAVAILABLE: not whole again within 1 ms after kill-node: node n1 does not run/m,
  );
  expect(ran.stderr).toContain(
    'look with `troupe status`, bring it back by `troupe node start --name n1`',
  );
  expect(ran.code).toBe(1);
}, 60_000);
