/** SIGSTOP for half to three times the lease: long enough to be taken for dead, or nearly. */
import { signal } from '../cluster/member.ts';
import { type Fault, holdOne, leaseMs, needsMachines, type Target } from './fault.ts';

const lastsMs = [leaseMs / 2, leaseMs * 3] as const;

export function freeze(role: Target): Fault {
  return {
    lastsMs,
    async inject(stage, random) {
      const member = await holdOne(stage, random, role);
      if (member === undefined) return undefined;
      const pid = await member.pid();
      if (pid === undefined || !signal(pid, 'SIGSTOP')) {
        stage.warden.release(member);
        return undefined;
      }
      return {
        target: member.name,
        async undo() {
          signal(pid, 'SIGCONT');
          stage.warden.release(member);
        },
      };
    },
  };
}

/** All processes of one machine stop where they are. */
export const freezeMachine: Fault = {
  lastsMs,
  lacks: needsMachines,
  async inject({ warden }, random) {
    const member = random.pick(warden.members.filter((one) => one.running && !warden.isHeld(one)));
    const { machine } = member ?? {};
    if (member === undefined || machine === undefined || !warden.hold(member)) return undefined;
    const count = machine.pids().length;
    machine.freeze();
    return {
      target: `${member.name} (${count} processes)`,
      async undo() {
        machine.thaw();
        warden.release(member);
      },
      befallen: () => count,
    };
  },
};
