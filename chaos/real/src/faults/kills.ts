/** kill -9 and SIGTERM of any process; it is started again a while later. */
import { type Fault, holdOne, holdServer } from './fault.ts';

type Role = 'node' | 'leader' | 'standby';

export function kill(role: Role, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Fault {
  return {
    lastsMs: [0, 4_000],
    async inject(stage, random) {
      const target = await holdOne(stage, random, role);
      if (target === undefined) return undefined;
      const { warden } = stage;
      const process = warden.process(target);
      process.kill(signal);
      return {
        target,
        async undo() {
          await process.exited;
          await warden.revive(target);
          warden.release(target);
        },
      };
    },
  };
}

export function killServer(name: 'etcd' | 'nats'): Fault {
  return {
    lastsMs: [0, 3_000],
    async inject(stage) {
      if (!holdServer(stage, name)) return undefined;
      const { servers, warden } = stage;
      const process = servers.servers.processes.find((one) => one.name === name);
      process?.kill('SIGKILL');
      await process?.exited;
      return {
        target: name,
        async undo() {
          await servers.restart(name, { signal: 'SIGKILL' });
          warden.release(name);
        },
      };
    },
  };
}
