/** How long work stops when something is killed with SIGKILL under load. */
import { Counter, noop } from './agents.ts';
import { type Bed, makeBed } from './bed.ts';
import { spread } from './figures.ts';
import type { Effort, Result } from './speed.ts';

const lanes = 16;

/** Calls on 100 actors until the answer is called; errors end the benchmark. */
function load({ troupe }: Bed): () => Promise<number> {
  let stopped = false;
  let calls = 0;
  const lane = async (name: number) => {
    for (let n = 0; !stopped; n++) {
      await troupe.actor(Counter, `load${(name * 7 + n) % 100}`, { deadlineMs: 60_000 }).add(1);
      calls += 1;
    }
  };
  const all = Promise.all(Array.from({ length: lanes }, (_, name) => lane(name)));
  return async () => {
    stopped = true;
    await all;
    return calls;
  };
}

/** kill -9 of the node that hosts an actor, to that actor's next answer. */
export async function killNode(effort: Effort, say: (line: string) => void): Promise<Result> {
  const bed = await makeBed({ nodes: 3 });
  const samples: number[] = [];
  try {
    const probe = bed.troupe.actor(Counter, 'probe', { deadlineMs: 60_000 });
    await probe.add(1);
    const stopLoad = load(bed);
    for (let kill = 1; kill <= effort.kills; kill++) {
      const { actors } = await bed.troupe.actors({ type: 'Counter', prefix: 'probe' });
      const host = actors.find(({ actor }) => actor === 'default/Counter/probe')?.node;
      const node = bed.cluster.nodes.find(({ incarnation }) => incarnation === host);
      if (node === undefined) throw new Error(`the probe's node ${host} is not one of ours`);
      await probe.add(1);
      const before = performance.now();
      node.kill('SIGKILL');
      const n = await probe.add(1);
      samples.push(performance.now() - before);
      if (n !== kill * 2 + 1) throw new Error(`kill ${kill}: the probe counts ${n}`);
      say(`kill ${kill} of ${effort.kills}: ${Math.round(samples.at(-1) ?? 0)} ms`);
      await bed.cluster.startNode();
    }
    await stopLoad();
  } finally {
    await bed.stop();
  }
  return { bench: 'kill -9 node to next answer', recoveryMs: spread(samples) };
}

/** kill -9 of the leading scheduler, to the end of a task begun after it. */
export async function killLeader(effort: Effort, say: (line: string) => void): Promise<Result> {
  const bed = await makeBed({ nodes: 2, schedulers: 2 });
  const samples: number[] = [];
  try {
    const stopLoad = load(bed);
    await bed.troupe.task(noop, 1);
    for (let kill = 1; kill <= effort.kills; kill++) {
      const { leader } = await bed.troupe.status();
      const scheduler = bed.cluster.schedulers.find(
        ({ name, running }) => running && name === leader,
      );
      if (scheduler === undefined) throw new Error(`the leader ${leader} is not one of ours`);
      const before = performance.now();
      scheduler.kill('SIGKILL');
      await bed.troupe.task(noop, kill);
      samples.push(performance.now() - before);
      say(`kill ${kill} of ${effort.kills}: ${Math.round(samples.at(-1) ?? 0)} ms`);
      const { name, address } = scheduler;
      await bed.cluster.startScheduler(
        address === undefined ? { name } : { name, listen: address },
      );
    }
    await stopLoad();
  } finally {
    await bed.stop();
  }
  return { bench: 'kill -9 leader to next answer', recoveryMs: spread(samples) };
}
