/**
 * Random programs in test clusters: `TROUPE_PROGRAMS=20000 npx vitest run test/test-cluster` runs as many,
 * 200 to a cluster, and says how many; 300 unless given.
 */
import { TroupeError } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { Random } from '@troupe/virtual';
import { expect, test } from 'vitest';
import { Agent } from '../programs/agents.ts';
import { drawErrands } from '../programs/program.ts';
import { type Field, runErrands, type Verdict } from '../programs/run-errands.ts';

const programs = Number(process.env['TROUPE_PROGRAMS'] ?? 300);
const firstSeed = Number(process.env['TROUPE_SEED'] ?? 1);
const perCluster = 200;
const agents = 50;
const runnerCrashesMax = 2;

test(`${programs} random programs come to what a model says, whatever dies meanwhile`, async () => {
  const sum = { kills: 0, done: 0, failed: 0, signals: 0 };
  const wrong: string[] = [];
  for (let seed = firstSeed, left = programs; left > 0; seed++, left -= perCluster) {
    const { verdict, kills } = await runIn(seed, Math.min(left, perCluster));
    sum.kills += kills;
    sum.done += verdict.done;
    sum.failed += verdict.failed;
    sum.signals += verdict.signals;
    for (const text of verdict.wrong) wrong.push(`seed ${seed}: ${text}`);
    expect(verdict.unknown).toBe(0);
  }
  expect(wrong).toEqual([]);
  expect(sum.kills).toBeGreaterThanOrEqual(programs / 10);
  expect(sum.done).toBeGreaterThan(sum.failed);
  expect(sum.signals).toBeGreaterThanOrEqual(programs / 20);
  if (process.env['TROUPE_PROGRAMS'] !== undefined) console.info(JSON.stringify(sum));
}, 3_600_000);

async function runIn(
  seed: number,
  count: number,
): Promise<{ readonly verdict: Verdict; readonly kills: number }> {
  const cluster = await TestCluster.start({ bundle: { Agent }, seed, chaos: seed % 2 === 0 });
  const chance = new Random(seed).fork('harm');
  let kills = 0;
  let runnerCrashes = 0;
  const field: Field = {
    troupe: cluster.connect(),
    async harm() {
      kills += 1;
      // A turn whose runner dies for the third time fails, which no model foresees.
      if (runnerCrashes < runnerCrashesMax && chance.chance(0.2)) {
        runnerCrashes += 1;
        const node = `node-${chance.whole(1, 3)}`;
        return await asItRuns(cluster, () => cluster.crashRunners(node));
      }
      await harm(cluster, chance);
    },
    passing: () => cluster.advance(chance.whole(1, 40)),
    settling: () => cluster.advance(500),
  };
  try {
    const errands = drawErrands({ seed, count, agents });
    const verdict = await runErrands(errands, agents, field);
    return { verdict, kills };
  } finally {
    await cluster.stop();
  }
}

/** One process dies, and whoever looks after it starts it again a little later. */
async function harm(cluster: TestCluster, chance: Random): Promise<void> {
  const scheduler = chance.chance(0.2);
  const victim = scheduler ? `scheduler-${chance.whole(1, 2)}` : `node-${chance.whole(1, 3)}`;
  await asItRuns(cluster, () => cluster.crash(victim));
  await cluster.advance(chance.whole(0, 300));
  await cluster.restart(victim);
}

/** A node that was fenced is down by itself, and started again a second later. */
async function asItRuns(cluster: TestCluster, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (thrown) {
    if (!(thrown instanceof TroupeError) || thrown.code !== 'WRONG_STATE') throw thrown;
    await cluster.advance('2s');
    await act();
  }
}
