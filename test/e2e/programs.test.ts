/**
 * Random programs on a real cluster, against the model that the test clusters are held to. 200 programs
 * unless `TROUPE_REAL_PROGRAMS` says otherwise; a process is killed for every ten.
 */
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, type Process, startCluster } from '@troupe/cli';
import { connect } from '@troupe/sdk';
import { Random } from '@troupe/virtual';
import { afterEach, expect, test } from 'vitest';
import { drawErrands } from '../programs/program.ts';
import { runErrands } from '../programs/run-errands.ts';

const count = Number(process.env['TROUPE_REAL_PROGRAMS'] ?? 200);
const seed = Number(process.env['TROUPE_SEED'] ?? 1);
const agents = 50;
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
  let kills = 0;
  const verdict = await runErrands(drawErrands({ seed, count, agents }), agents, {
    troupe,
    async harm() {
      kills += 1;
      await replace(started, chance);
    },
    async passing() {
      await troupe.status();
    },
  });
  expect(verdict.wrong).toEqual([]);
  expect(verdict.done).toBeGreaterThan(count / 2);
  expect(kills).toBeGreaterThanOrEqual(count / 10 - 1);
}, 1_200_000);

/** Kills one and starts another under its name: mostly a node, at times a scheduler. */
async function replace(started: Cluster, chance: Random): Promise<void> {
  const isNode = chance.chance(0.8);
  const victim: Process = chance.pick(isNode ? started.nodes : started.schedulers);
  victim.kill('SIGKILL');
  await victim.exited;
  if (isNode) await started.startNode({ name: victim.name });
  else await started.startScheduler({ name: victim.name, listen: victim.address ?? '' });
}

/** Closed when the test ends, also when it fails. */
function closed<T extends { close(): Promise<void> }>(troupe: T): T & AsyncDisposable {
  return Object.assign(troupe, { [Symbol.asyncDispose]: () => troupe.close() });
}
