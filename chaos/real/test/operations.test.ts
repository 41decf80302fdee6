/** What comes of an operation, and when everybody has been served again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TroupeError } from '@troupe/sdk';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pulseOf } from '../src/cluster/pulse.ts';
import { HistoryWriter, type Operation, readHistory } from '../src/history/history.ts';
import { cameOf, cameOfMany, keptKeys, Operations } from '../src/workloads/workload.ts';

let folder: string;
let writer: HistoryWriter;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-operations-'));
  writer = new HistoryWriter(join(folder, 'history.jsonl'));
});
afterEach(() => {
  writer.close();
  rmSync(folder, { recursive: true });
});

const error = (code: 'UNAVAILABLE' | 'USER_ERROR' | 'OUTCOME_UNKNOWN') =>
  new TroupeError({ code, message: 'as always' });

it('an error counts as failed only where its code says that nothing was done', () => {
  expect(cameOf(error('UNAVAILABLE')).outcome).toBe('failed');
  expect(cameOf(error('USER_ERROR')).outcome).toBe('failed');
  expect(cameOf(error('OUTCOME_UNKNOWN')).outcome).toBe('unknown');
  expect(cameOf(new Error('no code'))).toMatchObject({ outcome: 'unknown', code: 'UNCODED' });
});

it('what failed and may have called others before is unknown', () => {
  expect(cameOfMany(error('UNAVAILABLE')).outcome).toBe('failed');
  expect(cameOfMany(error('USER_ERROR'))).toMatchObject({ outcome: 'unknown', code: 'USER_ERROR' });
  expect(cameOfMany(error('OUTCOME_UNKNOWN')).outcome).toBe('unknown');
});

it('an operation that is open at the end is told once, as never answered (W1)', async () => {
  const operations = new Operations('w', writer);
  let answer = (_: number): void => undefined;
  const late = new Promise<number>((resolve) => {
    answer = resolve;
  });
  const asked = { id: 'a', key: 'k', action: 'add' };
  const done = operations.record('c', asked, () => late);
  await operations.record('c', { ...asked, id: 'b' }, async () => 2);
  expect(operations.close()).toBe(1);
  answer(1);
  await done;
  const { operations: told } = readHistory(join(folder, 'history.jsonl'));
  expect(told.map(({ id, outcome, code }) => [id, outcome, code])).toEqual([
    ['b', 'ok', undefined],
    ['a', 'unknown', 'UNANSWERED'],
  ]);
});

it('only keys between the first and the latest are left, and none that something is under way at (W3)', async () => {
  const operations = new Operations('w', writer);
  const use = (key: string, run: () => Promise<unknown> = async () => 1) =>
    operations.record('c', { id: operations.nextId('c'), key, action: 'add' }, run);
  for (let index = 0; index < keptKeys; index += 1) await use(`first${index}`);
  await use('used up');
  let answer = (_: number): void => undefined;
  const open = new Promise<number>((resolve) => {
    answer = resolve;
  });
  const done = use('open', () => open);
  expect(operations.usedUp(0)).toEqual([]);
  for (let index = 0; index < keptKeys; index += 1) await use(`last${index}`);
  expect(operations.usedUp(0)).toEqual(['used up']);
  expect(operations.usedUp(60_000)).toEqual([]);
  operations.leave('used up');
  expect(operations.usedUp(0)).toEqual([]);
  expect(operations.keys).not.toContain('used up');
  answer(1);
  await done;
  expect(operations.usedUp(0)).toEqual(['open']);
});

it('everybody is served again when each was answered a call begun after the fault', async () => {
  const callers = pulseOf(writer, ['c', 'd'], ({ client }) => client);
  const answered = (client: string, from: number, outcome: Operation['outcome'] = 'ok') => {
    const id = `${client}${from}${outcome}`;
    const one = { kind: 'operation', workload: 'w', key: 'k', action: 'add' } as const;
    writer.write({ ...one, id, client, from, until: from + 5, outcome });
  };
  const served = callers.since(100, 60_000);
  answered('c', 120);
  // Begun before the fault, or not answered.
  answered('d', 90);
  answered('d', 130, 'unknown');
  answered('d', 140);
  expect(await served).toBe(45);
  expect(await callers.since(200, 0)).toBeUndefined();
});
