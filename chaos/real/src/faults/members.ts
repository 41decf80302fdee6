/** What operators do: drain a node, start one twice, restart everything, roll another version out. */
import { TroupeError } from '@troupe/sdk';
import type { Change, Member } from '../cluster/member.ts';
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
    // A drain that could not be asked for is a node that is just stopped (F3).
    const drained = await insist(() => stage.operator.drainNode(member.name), drainMsMax).then(
      () => 1,
      () => 0,
    );
    return {
      target: member.name,
      async undo() {
        await member.end('SIGTERM');
        await member.start();
        stage.warden.release(member);
      },
      befallen: () => drained,
    };
  },
};

/** A second process of one name: it is refused, or takes over; there are never two that act. */
export const twin: Fault = {
  lastsMs: [0, 0],
  async inject(stage, random) {
    const member = await holdOne(stage, random, 'node');
    if (member === undefined) return undefined;
    let came = 'it took over';
    const second = await stage.twinOf(member).catch((reason: unknown) => {
      came = isRefusal(reason) ? 'refused' : 'it did not start';
      stage.say(`the twin of ${member.name}: ${came}: ${String(reason).slice(0, 160)}`);
      return undefined;
    });
    return {
      target: `${member.name} (${came})`,
      async undo() {
        await second?.();
        await member.start();
        stage.warden.release(member);
      },
      befallen: () => Number(came !== 'it did not start'),
    };
  },
};

/** By its name; one that did not start for another reason was no second of anybody (F3). */
export function isRefusal(reason: unknown): boolean {
  return reason instanceof TroupeError && reason.code === 'NODE_NAME_TAKEN';
}

/** One process of a kind after the other is stopped in order and started again. */
export const roll: Fault = {
  lastsMs: [0, 0],
  async inject(stage) {
    const roles = ['etcd', 'nats', 'scheduler', 'node'] as const;
    const again = async (member: Member) => {
      await member.end('SIGTERM');
      await member.start();
    };
    const counts = roles.map((role) => inTurn(stage, stage.warden.free(role), again));
    const count = (await Promise.all(counts)).reduce((sum, one) => sum + one, 0);
    return { target: `${count} processes`, undo: async () => undefined, befallen: () => count };
  },
};

/**
 * Half of the nodes and most of the schedulers go to a newer version, both act together for a
 * while, and they go back.
 */
export const upgrade: Fault = {
  lastsMs: [2_000, 6_000],
  async inject(stage, random) {
    if (stage.secondBuild === undefined) return undefined;
    const { root, version } = stage.secondBuild;
    const members = (['scheduler', 'node'] as const).map((role) => {
      const all = random.shuffled(stage.warden.free(role));
      return all.slice(0, Math.ceil(all.length / 2));
    });
    const rollOut = async (change: Change) => {
      const lanes = members.map((lane) => inTurn(stage, lane, (one) => one.renew(change)));
      return (await Promise.all(lanes)).reduce((sum, count) => sum + count, 0);
    };
    const count = await rollOut({ build: root });
    const names = members.flat().map(({ name }) => name);
    return {
      target: `${names.join(' ')} to ${version}`,
      undo: async () => void (await rollOut({})),
      befallen: () => count,
    };
  },
};

/** One after the other, each held meanwhile; answers how many were free for it. */
async function inTurn(
  { warden }: Stage,
  members: readonly Member[],
  act: (member: Member) => Promise<void>,
): Promise<number> {
  let count = 0;
  for (const member of members) {
    if (!warden.hold(member)) continue;
    try {
      await act(member);
      count += 1;
    } finally {
      warden.release(member);
    }
  }
  return count;
}
