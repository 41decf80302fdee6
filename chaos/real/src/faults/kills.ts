/** kill -9 and SIGTERM of any process; it is started again a while later. */
import { type Member, procFile, signal } from '../cluster/member.ts';
import { type Fault, holdOne, needsMachines, type Target } from './fault.ts';

const lastsMs = [0, 3_000] as const;

export function kill(role: Target, kind: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Fault {
  return {
    lastsMs,
    async inject(stage, random) {
      const member = await holdOne(stage, random, role);
      if (member === undefined) return undefined;
      // One that has just ended by itself is not killed (F3).
      const ended = await member.end(kind);
      return {
        target: member.name,
        async undo() {
          await member.start();
          stage.warden.release(member);
        },
        befallen: () => Number(ended),
      };
    },
  };
}

/** One of the processes in which a node's user code runs. */
export const killRunner: Fault = {
  lastsMs: [0, 0],
  async inject(stage, random) {
    const member = await holdOne(stage, random, 'node');
    if (member === undefined) return undefined;
    stage.warden.release(member);
    const pid = random.pick(await runnersOf(member));
    if (pid === undefined || !signal(pid, 'SIGKILL')) return undefined;
    return { target: `${member.name} (runner ${pid})`, undo: async () => undefined };
  },
};

async function runnersOf(member: Member): Promise<readonly number[]> {
  const pid = await member.pid();
  if (pid === undefined) return [];
  const children = procFile(pid, `task/${pid}/children`);
  return children.split(' ').filter(Boolean).map(Number);
}

/** Every process of one machine at once, as by a power failure; then it boots. */
export const killMachine: Fault = {
  lastsMs,
  lacks: needsMachines,
  async inject(stage, random) {
    const { warden } = stage;
    const member = random.pick(warden.members.filter((one) => one.running && !warden.isHeld(one)));
    if (member?.machine === undefined || !warden.hold(member)) return undefined;
    const count = member.machine.pids().length;
    member.machine.kill();
    return {
      target: `${member.name} (${count} processes)`,
      async undo() {
        await member.start();
        warden.release(member);
      },
      befallen: () => count,
    };
  },
};
