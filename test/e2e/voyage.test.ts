/** A run with something of everything, and a leader that is killed again and again. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { errorTable, TroupeError } from '@troupe/model';
import { afterEach, expect, it } from 'vitest';
import { Ledger, voyage } from '../agents/voyage.ts';
import { journalOf, resultsOf } from './journal.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;
const folder = mkdtempSync(join(tmpdir(), 'troupe-voyage-'));
const bundle = fileURLToPath(new URL('../agents/voyage.ts', import.meta.url));

afterEach(async () => {
  await stage?.stop();
  rmSync(folder, { recursive: true });
});

const bells = ['bell-0-0', 'bell-0-1', 'bell-1-0', 'bell-1-1'];
const reports = ['report-0-0', 'report-0-2', 'report-1-0', 'report-1-2'];
const notes = [...bells, ...reports, 'landed', 'home'].sort();

/** Blocks that come to a result of their own, in every round and branch. */
const contexts = [
  ...[0, 1].flatMap((day) => [
    ...[0, 1].flatMap((hour) => [`bell[${day}][${hour}]`, `rung[${day}][${hour}]`]),
    ...[0, 1, 2].flatMap((man) => [
      ...[`awake[${day}][${man}]`, `crew.result[${day}][${man}]`],
      ...(man === 1 ? [`late[${day}][${man}]`, `why[${day}][${man}]`] : [`report[${day}][${man}]`]),
    ]),
    `days.result[${day}]`,
  ]),
  ...['captain', 'owner', 'around', 'home'],
].sort();

/** The leader dies; this is done while nobody leads; its replica starts again under its name. */
async function killLeader(then: () => unknown): Promise<void> {
  const { cluster, troupe } = stage;
  const { leader } = await troupe.status();
  const leading = cluster.schedulers.find(({ name }) => name === leader);
  if (leading === undefined) throw new Error(`the leader ${leader} is not one of ours`);
  leading.kill('SIGKILL');
  await leading.exited;
  await then();
  await cluster.startScheduler({ name: leader, listen: leading.address ?? '' });
}

/** A block that is at work when the leader dies comes to its result while nobody leads. */
async function killWhile(name: string): Promise<void> {
  await stage.until(`${name} is at work`, async () => existsSync(join(folder, `${name}.began`)));
  await killLeader(() => writeFileSync(join(folder, `${name}.go`), ''));
}

/** An answer that may have been lost is given again: answering twice changes nothing. */
async function answer(run: string, block: string): Promise<void> {
  for (;;) {
    try {
      await stage.troupe.run(run).resume(block, `${block} says so`);
      return;
    } catch (thrown) {
      const mayRepeat = thrown instanceof TroupeError && thrown.code !== 'WRONG_STATE';
      if (!mayRepeat || (!thrown.retryable && errorTable[thrown.code].outcome !== 'unknown')) {
        throw thrown;
      }
    }
  }
}

it('a run has each result once, and each effect once, whenever its leader is killed', async () => {
  stage = await scene({ nodes: 2, schedulers: 2 });
  const { troupe, cluster } = stage;
  await troupe.deploy((await bundleFile(bundle)).bytes);
  const { term } = await troupe.status();
  for (const name of bells) if (name !== 'bell-1-0') writeFileSync(join(folder, `${name}.go`), '');
  const run = await troupe.start(voyage, { folder, key: 'log' }, { run: 'v' });

  // In the first round of a loop that stands in the second round of another.
  await killWhile('bell-1-0');
  await stage.until('two pauses are open', async () => {
    const { blocks } = await run.view();
    return blocks.filter(({ state }) => state === 'paused').length === 2;
  });
  await killLeader(() => Promise.all([answer('v', 'owner'), answer('v', 'captain')]));
  // In the run within.
  await killWhile('strait');

  expect(await run.result()).toEqual({
    days: [0, 1].map(() => ({
      hours: [expect.any(Number), expect.any(Number)],
      crew: [expect.any(Number), 'USER_ERROR', expect.any(Number)],
    })),
    captain: 'captain says so',
    owner: 'owner says so',
    around: 'strait',
    home: notes.length,
  });
  expect((await troupe.status()).term.number).toBeGreaterThan(term.number);

  const facts = await journalOf(cluster);
  const terms = facts.filter(({ kind }) => kind === 'term-opened').length;
  expect(terms, 'leaders').toBeGreaterThanOrEqual(4);
  expect(resultsOf(facts, 'v').sort()).toEqual(contexts);
  expect(resultsOf(facts, 'v/around').sort()).toEqual(['landed', 'strait']);

  const calls = await troupe.actor(Ledger, 'log').calls();
  expect(calls.map(({ note }) => note).sort()).toEqual(notes);
  expect(new Set(calls.map(({ callId }) => callId)).size).toBe(calls.length);

  // Every effect outside was tried twice: under one id, which no other effect has.
  const told = linesOf('effects').map(([note = '', effect = '']) => ({ note, effect }));
  for (const note of notes) {
    const own = told.filter((one) => one.note === note).map(({ effect }) => effect);
    expect(own.length, note).toBe(2);
    expect(new Set(own).size, note).toBe(1);
  }
  expect(new Set(told.map(({ effect }) => effect)).size).toBe(notes.length);

  // So was every task, under the id of its context.
  const tries = linesOf('attempts').map(([name, task, attempt]) => `${name} ${task} ${attempt}`);
  const gates = bells.map((name) => [name, name.replace(/-(\d)-(\d)/, '[$1][$2]')]);
  expect([...new Set(tries)].sort()).toEqual(
    [...gates.map(([name, context]) => `${name} run:v:${context}`), 'strait run:v/around:strait']
      .flatMap((task) => [`${task} 1`, `${task} 2`])
      .sort(),
  );
}, 150_000);

function linesOf(file: string): string[][] {
  const lines = readFileSync(join(folder, file), 'utf8').trim().split('\n');
  return lines.map((line) => line.split(' '));
}
