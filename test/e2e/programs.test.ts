/**
 * Random programs on a real cluster, against the model that the test clusters are held to: 200 programs, or
 * as many as `TROUPE_REAL_PROGRAMS` says. For every ten of them a process is killed: mostly a node, else whoever leads.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, type Process, startCluster } from '@troupe/cli';
import { connect, type Troupe, TroupeError } from '@troupe/sdk';
import { Random } from '@troupe/virtual';
import { afterEach, expect, test } from 'vitest';
import { drawErrands } from '../programs/program.ts';
import { runErrands } from '../programs/run-errands.ts';

const asked = process.env['TROUPE_REAL_PROGRAMS'];
const count = Number(asked ?? 200);
const seed = Number(process.env['TROUPE_SEED'] ?? 1);
const agents = 50;
const passingMs = 50;
const settlingMs = 500;
const bundle = fileURLToPath(new URL('../programs/agents.ts', import.meta.url));

let cluster: Cluster | undefined;

afterEach(async () => {
  await cluster?.stop();
});

test(`${count} random programs come to what a model says, whatever is killed`, async () => {
  const started = await startCluster({ nodes: 3, schedulers: 2 });
  cluster = started;
  await using troupe = closed(await connect({ address: started.addresses.join(',') }));
  await troupe.deploy((await bundleFile(bundle)).bytes);
  const chance = new Random(seed).fork('harm');
  const kills = { node: 0, leader: 0 };
  const beganAt = performance.now();
  const verdict = await runErrands(drawErrands({ seed, count, agents }), agents, {
    troupe,
    async harm() {
      kills[await replace(started, troupe, chance)] += 1;
    },
    passing: () => pause(passingMs),
    settling: () => pause(settlingMs),
  });
  const seconds = Math.round((performance.now() - beganAt) / 1_000);
  if (asked !== undefined) console.info(JSON.stringify({ ...verdict, ...kills, seconds }));
  expect(verdict.wrong).toEqual([]);
  expect(verdict.unknown).toBe(0);
  expect(verdict.done).toBeGreaterThan(count / 2);
  expect(verdict.signals).toBeGreaterThan(count / 20);
  expect(kills.node + kills.leader).toBeGreaterThanOrEqual(count / 10);
  expect(kills.leader).toBeGreaterThan(0);
}, 1_200_000);

/** Kills one and starts another under its name; which kind it was. */
async function replace(
  started: Cluster,
  troupe: Troupe,
  chance: Random,
): Promise<'node' | 'leader'> {
  const isNode = chance.chance(0.8);
  const victim = isNode ? chance.pick(started.nodes) : await leaderOf(started, troupe);
  victim.kill('SIGKILL');
  await victim.exited;
  if (isNode) await started.startNode({ name: victim.name });
  else await started.startScheduler({ name: victim.name, listen: victim.address ?? '' });
  return isNode ? 'node' : 'leader';
}

/** While nobody leads it is asked again. */
async function leaderOf(started: Cluster, troupe: Troupe): Promise<Process> {
  for (;;) {
    try {
      const { leader } = await troupe.status();
      const leading = started.schedulers.find(({ name }) => name === leader);
      if (leading?.running === true) return leading;
    } catch (thrown) {
      if (!(thrown instanceof TroupeError)) throw thrown;
    }
    await pause(passingMs);
  }
}

/** Closed when the test ends, also when it fails. */
function closed<T extends { close(): Promise<void> }>(troupe: T): T & AsyncDisposable {
  return Object.assign(troupe, { [Symbol.asyncDispose]: () => troupe.close() });
}
