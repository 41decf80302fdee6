import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityOf, isRunning, signalKnown } from '../src/local/identity.ts';
import {
  claimRecord,
  readRecord,
  removeRecord,
  type UpRecord,
  writeRecord,
} from '../src/local/state-file.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'troupe-state-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

function recordOf(pid: number, identity = identityOf(pid) ?? ''): UpRecord {
  return {
    cell: 'default',
    pid,
    identity,
    startedAt: '2026-01-01T00:00:00.000Z',
    state: 'ready',
    address: '127.0.0.1:7411',
    processes: [],
    shared: { etcd: ['http://127.0.0.1:2379'] },
  };
}

describe('the record of a local cluster', () => {
  it('comes back as it was written, and is gone when removed', () => {
    const record = recordOf(process.pid);
    claimRecord(dataDir, record);
    expect(readRecord(dataDir)).toEqual(record);
    const changed: UpRecord = { ...record, state: 'stopping' };
    writeRecord(dataDir, changed);
    expect(readRecord(dataDir)).toEqual(changed);
    expect(readdirSync(dataDir)).toEqual(['up.json']);
    removeRecord(dataDir);
    expect(readRecord(dataDir)).toBeUndefined();
  });

  it('R1: a second `up` is refused while the first one runs', () => {
    claimRecord(dataDir, recordOf(process.pid));
    const second = () => claimRecord(dataDir, recordOf(process.pid));
    expect(second).toThrow(`cell default is up already in ${dataDir}`);
    expect(second).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
  });

  it('of an `up` that is dead gives way, even when its pid belongs to a stranger now', () => {
    claimRecord(dataDir, recordOf(process.pid, 'another boot:1'));
    claimRecord(dataDir, recordOf(process.pid));
    expect(readRecord(dataDir)?.identity).toBe(identityOf(process.pid));
  });

  it('that cannot be read gives way', () => {
    writeFileSync(join(dataDir, 'up.json'), '{ half');
    expect(readRecord(dataDir)).toBeUndefined();
    claimRecord(dataDir, recordOf(process.pid));
    expect(existsSync(join(dataDir, 'up.json'))).toBe(true);
    expect(readRecord(dataDir)?.pid).toBe(process.pid);
  });
});

describe('a recorded process', () => {
  it('is signalled only while it is the very process that was recorded', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    const pid = child.pid ?? 0;
    const known = { pid, identity: identityOf(pid) ?? '' };
    expect(isRunning(known)).toBe(true);
    expect(signalKnown({ pid, identity: 'of a stranger' }, 'SIGKILL')).toBe(false);
    expect(isRunning(known)).toBe(true);
    expect(signalKnown(known, 'SIGTERM')).toBe(true);
    expect(await exited).toBe('SIGTERM');
    expect(isRunning(known)).toBe(false);
    expect(signalKnown(known, 'SIGTERM')).toBe(false);
  });
});
