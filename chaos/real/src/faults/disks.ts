/** A disk is full; then there is room again, and an operator starts what lies there anew. */
import type { Role } from '../cluster/member.ts';
import type { Fault } from './fault.ts';

export function fillDisk(role: Role, lacks?: Fault['lacks']): Fault {
  return {
    lastsMs: [500, 3_000],
    lacks: (setting) =>
      lacks?.(setting) ??
      (setting.disks ? undefined : 'loop mounts need root, Linux and mkfs.ext4'),
    async inject(stage, random) {
      const { disks, warden } = stage;
      const member = random.pick(warden.free(role).filter(({ name }) => disks.has(name)));
      const disk = disks.get(member?.name ?? '');
      if (member === undefined || disk === undefined || !warden.hold(member)) return undefined;
      disk.fill();
      // A node writes little: it must come up again on the full disk, which it cannot.
      if (role === 'node') await member.end('SIGKILL');
      return {
        target: member.name,
        async undo() {
          disk.empty();
          if (role !== 'node') await member.end('SIGTERM');
          await member.start();
          warden.release(member);
        },
      };
    },
  };
}
