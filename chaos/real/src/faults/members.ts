/** What operators do: drain a node and bring it back, start one twice, restart everything. */
import { insist } from '../workloads/workload.ts';
import { type Fault, holdOne, holdServer } from './fault.ts';

const drainMsMax = 15_000;

/** Drained, stopped when it is empty or after a bound, and started again. */
export const drain: Fault = {
  lastsMs: [1_000, 4_000],
  async inject(stage, random) {
    const target = await holdOne(stage, random, 'node');
    if (target === undefined) return undefined;
    const { warden, operator } = stage;
    const process = warden.process(target);
    // A drain that could not be asked for is a node that is just stopped.
    await insist(() => operator.drainNode(target), drainMsMax).catch(() => undefined);
    return {
      target,
      async undo() {
        process.kill('SIGTERM');
        await process.exited;
        await warden.revive(target);
        warden.release(target);
      },
    };
  },
};

/** A second process of one name: it is refused, or takes over; there are never two that act. */
export const twin: Fault = {
  lastsMs: [0, 0],
  async inject(stage, random) {
    const target = await holdOne(stage, random, 'node');
    if (target === undefined) return undefined;
    const { cluster, warden, say } = stage;
    const first = warden.process(target);
    const second = await cluster.startNode({ name: target }).then(
      (process) => process,
      (reason: unknown) =>
        void say(`the twin of ${target} was refused: ${String(reason).slice(0, 160)}`),
    );
    return {
      target,
      async undo() {
        if (second !== undefined) {
          second.kill('SIGKILL');
          await second.exited;
        }
        // The warden looks at the last process of the name: both places must be whole again.
        if (!first.running || second !== undefined) {
          first.kill('SIGKILL');
          await first.exited;
          await warden.revive(target);
        }
        warden.release(target);
      },
    };
  },
};

/** One process after the other is stopped in order and started again: an upgrade. */
export const roll: Fault = {
  lastsMs: [0, 0],
  async inject(stage) {
    const { warden, servers } = stage;
    const names = [...warden.free('scheduler'), ...warden.free('node')];
    for (const name of names) {
      if (warden.isHeld(name)) continue;
      warden.hold(name);
      try {
        const process = warden.process(name);
        process.kill('SIGTERM');
        await process.exited;
        await warden.revive(name);
      } finally {
        warden.release(name);
      }
    }
    for (const name of ['nats', 'etcd'] as const) {
      if (!holdServer(stage, name)) continue;
      await servers.restart(name).finally(() => warden.release(name));
    }
    return { target: `${names.length} processes and the servers`, undo: async () => undefined };
  },
};
