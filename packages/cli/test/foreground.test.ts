import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning } from '../src/local/identity.ts';
import { readRecord } from '../src/local/state-file.ts';
import { begin, troupe } from './run-command.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-foreground-'));
});
afterEach(async () => {
  await troupe(['down', '--data', folder]);
  rmSync(folder, { recursive: true });
});

describe('`troupe up` in the foreground', () => {
  it('prints one JSON value, and stops everything on Ctrl-C', async () => {
    const up = begin(['up', '--nodes', '1', '--port', '0', '--data', folder, '--json']);
    expect(JSON.parse(await up.firstLine)).toMatchObject({ state: 'ready' });
    const processes = readRecord(folder)?.processes ?? [];
    expect(processes.map((one) => one.kind)).toEqual(['etcd', 'nats', 'scheduler', 'node']);
    up.kill('SIGINT');
    const { code, stdout } = await up.ended;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(processes.filter(isRunning)).toEqual([]);
    expect(readRecord(folder)).toBeUndefined();
  });

  it('is ended at once by a second Ctrl-C, with exit code 130 and no process left', async () => {
    const up = begin(['up', '--nodes', '1', '--port', '0', '--data', folder, '--json']);
    await up.firstLine;
    const processes = readRecord(folder)?.processes ?? [];
    up.kill('SIGTERM');
    up.kill('SIGINT');
    expect((await up.ended).code).toBe(130);
    await expect.poll(() => processes.filter(isRunning)).toEqual([]);
    expect(readRecord(folder)).toBeUndefined();
  });

  it('starts its servers again when they die', async () => {
    const up = begin(['up', '--nodes', '1', '--port', '0', '--data', folder, '--json']);
    await up.firstLine;
    const nats = readRecord(folder)?.processes.find((one) => one.kind === 'nats');
    process.kill(nats?.pid ?? 0, 'SIGKILL');
    const again = () => readRecord(folder)?.processes.find((one) => one.kind === 'nats')?.pid;
    await expect.poll(again, { timeout: 20_000 }).not.toBeOneOf([nats?.pid, undefined]);
    up.kill('SIGINT');
    const { code, stderr } = await up.ended;
    expect(stderr).toContain(`nats (pid ${nats?.pid}) was ended by SIGKILL`);
    expect(code).toBe(0);
  });

  it('says which port another process holds, and leaves nothing behind', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ran = await troupe(['up', '--port', String(port), '--data', folder]);
    other.close();
    const said = ran.stderr.trim().split('\n').at(-1);
    expect(said).toMatch(
      /^PORT_IN_USE: scheduler s1 .*: address 127\.0\.0\.1:\d+ is in use; .* \(its log is /,
    );
    expect(ran.code).toBe(2);
    expect(readRecord(folder)).toBeUndefined();
  });
});
