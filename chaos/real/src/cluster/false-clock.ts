/** A process whose wall clock is wrong, by libfaketime; its monotonic clock is right. */
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { procFile } from './member.ts';

const libraries = [
  process.env['FAKETIME_LIBRARY'] ?? '',
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
];

/**
 * Where it is; undefined when it is not installed. Whole and without links: a process loads it from a
 * folder of its own, and is seen to have it by the name of the file itself.
 */
export function faketimeLibrary(): string | undefined {
  const found = libraries.find((file) => file !== '' && existsSync(file));
  return found === undefined ? undefined : realpathSync(found);
}

/** What the process is started with; its clock is off by what the file says, which must be there. */
export function underFalseClock(
  faketime: string,
  file: string,
): { readonly [name: string]: string } {
  return {
    LD_PRELOAD: faketime,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
}

export function setFalseClock(file: string, seconds: number): void {
  writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
}

/** Whether the process runs and has the library in it. */
export function isUnderFalseClock(pid: number, faketime: string): boolean {
  return procFile(pid, 'maps').includes(faketime);
}
