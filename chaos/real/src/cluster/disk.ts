/**
 * A small disk under a folder, as a loop mount, so that it can be filled without harm to others.
 * Needs Linux, root and mkfs.ext4.
 *
 * K1  the mount is gone when the suite ends, however it ends.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastWill } from '@troupe/chaos-faults';

export interface Disk {
  /** Takes every free byte. */
  fill(): void;
  isFull(): boolean;
  /** Gives them back. */
  empty(): void;
  close(): void;
}

/** Less than that is no room: nothing that runs gets by with it. */
const roomBytes = 256 * 1_024;
const chunk = new Uint8Array(4_096);
/** Enough for a file system. */
const triedBytes = 4 * 1024 ** 2;

/** Why no disk can be mounted here; absent where one can. */
export function noDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return 'loop mounts need root on Linux';
  }
  const found = ['/sbin/mkfs.ext4', '/usr/sbin/mkfs.ext4'].some((file) => existsSync(file));
  if (!found) return 'needs mkfs.ext4, from the package e2fsprogs';
  return canMount() ? undefined : 'loop mounts are not let here, as in most containers';
}

/** Root of a container is often let mount none, or has no loop device: only a try can tell. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-disk-'));
  try {
    mountDisk(join(folder, 'image'), join(folder, 'disk'), triedBytes).close();
    return true;
  } catch {
    // What it says is what is asked.
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Mounts a disk of so many bytes at the folder. */
export function mountDisk(image: string, at: string, bytes: number): Disk {
  mkdirSync(at, { recursive: true });
  closeSync(openSync(image, 'w'));
  truncateSync(image, bytes);
  // K1
  const dismiss = lastWill(`umount -l '${at}'; rm -f '${image}'`);
  const unmount = () => void runs('umount', '-l', at);
  const made =
    runs('mkfs.ext4', '-q', '-F', '-m', '0', image) && runs('mount', '-o', 'loop', image, at);
  if (!made) {
    rmSync(image);
    dismiss();
    throw new Error(`no disk could be mounted at ${at}`);
  }
  process.once('exit', unmount);
  const filler = join(at, 'filler');
  return {
    fill() {
      const { bavail, bsize } = statfsSync(at);
      runs('fallocate', '-l', String(bavail * bsize), filler);
      writeUntilFull(filler);
    },
    isFull: () => {
      const { bavail, bsize } = statfsSync(at);
      return bavail * bsize < roomBytes;
    },
    empty: () => rmSync(filler, { force: true }),
    close() {
      process.off('exit', unmount);
      unmount();
      rmSync(image, { force: true });
      dismiss();
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
