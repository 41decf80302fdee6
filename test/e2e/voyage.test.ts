/** A run with something of everything, and a leader that is killed again and again. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { errorTable, TroupeError } from '@troupe/model';
import type { RunHandle } from '@troupe/sdk';
import { Random } from '@troupe/virtual';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Ledger, voyage } from '../agents/voyage.ts';
import { journalOf, resultsOf } from './journal.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;
let folder: string;
const bundle = fileURLToPath(new URL('../agents/voyage.ts', import.meta.url));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-voyage-'));
});

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

function open(gate: string): void {
  writeFileSync(join(folder, `${gate}.go`), '');
}

/** A block that is at work when the leader dies comes to its result while nobody leads. */
async function killWhile(name: string): Promise<void> {
  await stage.until(`${name} is at work`, async () => existsSync(join(folder, `${name}.began`)));
  await killLeader(() => open(name));
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

async function embark(): Promise<RunHandle<unknown>> {
  stage = await scene({ nodes: 2, schedulers: 2 });
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
  return await stage.troupe.start(voyage, { folder, key: 'log' }, { run: 'v' });
}

async function pausesOpen(run: RunHandle<unknown>): Promise<boolean> {
  const { blocks } = await run.view();
  return blocks.filter(({ state }) => state === 'paused').length === 2;
}

it('a run has each result once, and each effect once, when its leader is killed at the worst moments', async () => {
  const run = await embark();
  for (const name of bells) if (name !== 'bell-1-0') open(name);

  // In the first round of a loop that stands in the second round of another.
  await killWhile('bell-1-0');
  await stage.until('two pauses are open', () => pausesOpen(run));
  await killLeader(() => Promise.all([answer('v', 'owner'), answer('v', 'captain')]));
  // In the run within.
  await killWhile('strait');

  await expectEachOnce(run);
}, 150_000);

/** When the leader dies: once so much of the run is done, after so many more looks at it. */
interface Moment {
  readonly share: number;
  readonly looks: number;
}

function drawMoments(chance: Random): readonly Moment[] {
  const moments = [0, 1, 2].map(() => ({
    share: chance.next() * 0.95,
    looks: chance.whole(0, 20),
  }));
  return moments.sort((one, other) => one.share - other.share);
}

async function reached(run: RunHandle<unknown>, { share, looks }: Moment): Promise<void> {
  await stage.until(`${share} of the run is done`, async () => {
    const { progress } = await run.view();
    if (progress === undefined) return false;
    const { done, running, waiting, rest } = progress;
    return done >= share * (done + running + waiting + rest);
  });
  for (let look = 0; look < looks; look++) await run.view();
}

async function answerWhenAsked(run: RunHandle<unknown>, blocks: readonly string[]): Promise<void> {
  await stage.until('two pauses are open', () => pausesOpen(run));
  for (const block of blocks) await answer('v', block);
}

async function killAt(run: RunHandle<unknown>, moments: readonly Moment[]): Promise<void> {
  for (const moment of moments) {
    await reached(run, moment);
    await killLeader(() => undefined);
  }
  // The run within waits for this, so that no leader dies too late.
  open('strait');
}

it('a run has each result once, and each effect once, when its leader is killed at three random moments', async () => {
  const seed = Number(process.env['TROUPE_SEED'] ?? Date.now() % 1_000_000);
  const chance = new Random(seed);
  const moments = drawMoments(chance);
  try {
    const run = await embark();
    for (const name of bells) open(name);
    const pauses = chance.chance(0.5) ? ['owner', 'captain'] : ['captain', 'owner'];
    await Promise.all([answerWhenAsked(run, pauses), killAt(run, moments)]);
    await expectEachOnce(run);
  } catch (thrown) {
    throw new Error(`seed ${seed}: ${JSON.stringify(moments)}`, { cause: thrown });
  }
}, 150_000);

async function expectEachOnce(run: RunHandle<unknown>): Promise<void> {
  const { troupe, cluster } = stage;
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
}

function linesOf(file: string): string[][] {
  const lines = readFileSync(join(folder, file), 'utf8').trim().split('\n');
  return lines.map((line) => line.split(' '));
}
