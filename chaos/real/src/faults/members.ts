/** What operators do: drain a node, start one twice, restart everything, roll another version out. */
import type { Change } from '../cluster/member.ts';
import type { Stage } from '../cluster/stage.ts';
import { insist } from '../workloads/workload.ts';
import { type Fault, holdOne } from './fault.ts';

const drainMsMax = 15_000;

/** Drained, stopped when it is empty or after a bound, and started again. */
export const drain: Fault = {
  lastsMs: [1_000, 4_000],
  async inject(stage, random) {
    const member = await holdOne(stage, random, 'node');
    if (member === undefined) return undefined;
    // A drain that could not be asked for is a node that is just stopped.
    await insist(() => stage.operator.drainNode(member.name), drainMsMax).catch(() => undefined);
    return {
      target: member.name,
      async undo() {
        await member.end('SIGTERM');
        await member.start();
        stage.warden.release(member);
      },
    };
  },
};

/** A second process of one name: it is refused, or takes over; there are never two that act. */
export const twin: Fault = {
  lastsMs: [0, 0],
  async inject(stage, random) {
    const member = await holdOne(stage, random, 'node');
    if (member === undefined) return undefined;
    const second = await stage.twinOf(member).then(
      (end) => end,
      (reason: unknown) =>
        void stage.say(`the twin of ${member.name} was refused: ${String(reason).slice(0, 160)}`),
    );
    return {
      target: `${member.name} (${second === undefined ? 'refused' : 'it took over'})`,
      async undo() {
        await second?.();
        await member.start();
        stage.warden.release(member);
      },
    };
  },
};

/** One process after the other is stopped in order and started again. */
export const roll: Fault = {
  lastsMs: [0, 0],
  async inject({ warden }) {
    let count = 0;
    for (const member of warden.members) {
      if (!member.running || !warden.hold(member)) continue;
      try {
        await member.end('SIGTERM');
        await member.start();
        count += 1;
      } finally {
        warden.release(member);
      }
    }
    return { target: `${count} processes`, undo: async () => undefined, befallen: () => count };
  },
};

/** Schedulers and nodes go to a newer version one after the other, and back: both act together. */
export const upgrade: Fault = {
  lastsMs: [1_000, 4_000],
  async inject(stage) {
    const { root, version } = stage.secondBuild();
    const count = await rollOut(stage, { build: root });
    const status = await stage.operator.status().catch(() => undefined);
    return {
      target: `${count} processes to ${version}; the leader says ${status?.version}`,
      undo: async () => void (await rollOut(stage, {})),
      befallen: () => count,
    };
  },
};

async function rollOut({ warden }: Stage, change: Change): Promise<number> {
  let count = 0;
  for (const member of [...warden.of('scheduler'), ...warden.of('node')]) {
    if (!warden.hold(member)) continue;
    try {
      await member.renew(change);
      count += 1;
    } finally {
      warden.release(member);
    }
  }
  return count;
}
