/** What a log must not say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BadWords } from '../src/cluster/bad-words.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-words-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const told = (line: string, olderData = false) => {
  writeFileSync(join(folder, 'n1.log'), `{"level":30,"msg":"as always"}\n${line}\n`);
  const words = new BadWords(folder);
  words.olderData = olderData;
  return words.look();
};

it.each([
  ['an invariant', '{"level":60,"msg":"invariant broken: L1"}'],
  ['a bug', '{"level":50,"err":{},"msg":"uncaught: this is a bug"}'],
  ['an end for a reason of its own', 'UNAVAILABLE: the log was not opened; retry with back-off'],
  ['an end by a bug', 'INTERNAL: x is not a function'],
  ['a log that lacks what it had', 'LOG_CORRUPT: log turns-n1_x does not exist'],
  ['the end of its memory', 'FATAL ERROR: Reached heap limit Allocation failed'],
])('%s is an alarm', (_what, line) => {
  expect(told(line)).toEqual([`n1.log says: ${line}`]);
});

it.each([
  ['an outage', 'NATS_UNREACHABLE: nothing answers at nats://10.0.0.1:4222'],
  ['a fence', 'DEPOSED: another writer or a seal stands at its place'],
  ['a name that another one has', 'NODE_NAME_TAKEN: name "n1" is held by n1.x'],
  ['what user code does to its runner', '{"stream":"stderr","msg":"FATAL ERROR: heap limit"}'],
  ['a follower that starts over', '{"code":"LOG_CORRUPT","msg":"starting over"}'],
])('%s is none', (_what, line) => {
  expect(told(line)).toEqual([]);
});

it('what is corrupt must be said while older data is there (B2)', () => {
  expect(told('LOG_CORRUPT: log turns-n1_x does not exist', true)).toEqual([]);
});

it('what is damaged on purpose must be named, and nothing else may be corrupt (B4)', () => {
  const of = (key: string) =>
    `{"code":"LOG_CORRUPT","msg":"checkpoint 7 of default/Ledger/${key}"}`;
  expect(told(of('flipped-7'))).toEqual([]);
  expect(told(of('c1.0'))).toHaveLength(1);
});

it('what was told once is not told again', () => {
  writeFileSync(join(folder, 'n1.log'), 'INTERNAL: one\nINTERNAL: two\n');
  const words = new BadWords(folder);
  expect([words.look(), words.look(), words.look()]).toEqual([
    ['n1.log says: INTERNAL: one'],
    ['n1.log says: INTERNAL: two'],
    [],
  ]);
});
