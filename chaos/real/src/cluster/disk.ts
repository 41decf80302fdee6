/**
 * A small disk for the broker, as a loop mount, so that it can be filled without harm to others.
 * Needs Linux, root and mkfs.ext4.
 *
 * K1  the mount is gone when the suite ends, also when it is interrupted.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export interface Disk {
  /** Takes every free byte. */
  fill(): void;
  /** Gives them back. */
  empty(): void;
  close(): void;
}

const bytes = 3 * 1024 ** 3;
const chunk = new Uint8Array(4_096);

/** Mounts a disk at the folder; undefined when this machine does not let us. */
export function mountDisk(image: string, at: string): Disk | undefined {
  if (process.getuid?.() !== 0) return undefined;
  mkdirSync(at, { recursive: true });
  closeSync(openSync(image, 'w'));
  truncateSync(image, bytes);
  const made =
    runs('mkfs.ext4', '-q', '-F', '-m', '0', image) && runs('mount', '-o', 'loop', image, at);
  if (!made) {
    rmSync(image);
    return undefined;
  }
  const filler = join(at, 'filler');
  const unmount = () => void runs('umount', '-l', at);
  process.once('exit', unmount);
  return {
    fill() {
      const { bavail, bsize } = statfsSync(at);
      runs('fallocate', '-l', String(bavail * bsize), filler);
      writeUntilFull(filler);
    },
    empty: () => rmSync(filler, { force: true }),
    close() {
      process.off('exit', unmount);
      unmount();
      rmSync(image, { force: true });
    },
  };
}

function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** What others free meanwhile is taken too. */
function writeUntilFull(file: string): void {
  const handle = openSync(file, 'a');
  try {
    for (;;) writeSync(handle, chunk);
  } catch (reason) {
    const full = reason instanceof Error && 'code' in reason && reason.code === 'ENOSPC';
    if (!full) throw reason;
  } finally {
    closeSync(handle);
  }
}
