/** SIGSTOP for half to three times the lease: long enough to be taken for dead, or nearly. */
import { type Fault, holdOne, holdServer, leaseMs } from './fault.ts';

const lastsMs = [leaseMs / 2, leaseMs * 3] as const;

export function freeze(role: 'node' | 'leader' | 'standby'): Fault {
  return {
    lastsMs,
    async inject(stage, random) {
      const target = await holdOne(stage, random, role);
      if (target === undefined) return undefined;
      const process = stage.warden.process(target);
      process.kill('SIGSTOP');
      return {
        target,
        async undo() {
          process.kill('SIGCONT');
          stage.warden.release(target);
        },
      };
    },
  };
}

export function freezeServer(name: 'etcd' | 'nats'): Fault {
  return {
    lastsMs,
    async inject(stage) {
      if (!holdServer(stage, name)) return undefined;
      const process = stage.servers.servers.processes.find((one) => one.name === name);
      process?.kill('SIGSTOP');
      return {
        target: name,
        async undo() {
          process?.kill('SIGCONT');
          stage.warden.release(name);
        },
      };
    },
  };
}
