/** A disk is full; then there is room again, and an operator starts what lies there anew. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Member, Role } from '../cluster/member.ts';
import { logDirOf, type Stage } from '../cluster/stage.ts';
import type { Fault } from './fault.ts';

export function fillDisk(role: Role, lacks?: Fault['lacks']): Fault {
  return {
    lastsMs: [1_000, 4_000],
    lacks: (setting) => lacks?.(setting) ?? setting.noDisk,
    async inject(stage, random) {
      const { disks, warden } = stage;
      const member = random.pick(warden.free(role).filter(({ name }) => disks.has(name)));
      const disk = disks.get(member?.name ?? '');
      if (member === undefined || disk === undefined || !warden.hold(member)) return undefined;
      const before = refusals(stage, member);
      let started: Promise<void> = Promise.resolve();
      let befallen = 0;
      disk.fill();
      // NATS writes all the time. The others write little: they must come up on the full disk.
      if (role !== 'nats') {
        // Etcd gives up the space that it holds in reserve when it is asked to end, not when killed.
        await member.end(role === 'etcd' ? 'SIGTERM' : 'SIGKILL');
        // What it gave up by its end.
        disk.fill();
        started = member.start();
      }
      return {
        target: member.name,
        async undo() {
          befallen = role === 'node' ? Number(disk.isFull()) : refusals(stage, member) - before;
          disk.empty();
          await started;
          if (role !== 'node') await member.end('SIGTERM');
          await member.start();
          warden.release(member);
        },
        befallen: () => befallen,
      };
    },
  };
}

/** How often a server said that there was no room. */
function refusals({ dir }: Stage, { name, role }: Member): number {
  if (role === 'node') return 0;
  const text = readFileSync(join(logDirOf(dir), `${name}.log`), 'utf8');
  return text.split(/no space left/i).length - 1;
}
