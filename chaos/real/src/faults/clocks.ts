/** The wall clock of one node jumps, by libfaketime; its monotonic clock goes on. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, holdOne } from './fault.ts';

const places = [
  process.env['FAKETIME_LIBRARY'] ?? '',
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
];

/** Where libfaketime is; the environment variable FAKETIME_LIBRARY comes first. */
export function faketimeLibrary(): string | undefined {
  return places.find((place) => place !== '' && existsSync(place));
}

/** The node is started again under the library, its clock jumps twice, and it goes back to none. */
export const clockJump: Fault = {
  lastsMs: [2_000, 5_000],
  async inject(stage, random) {
    const library = faketimeLibrary();
    if (library === undefined) return undefined;
    const name = await holdOne(stage, random, 'node');
    if (name === undefined) return undefined;
    const { warden } = stage;
    const file = join(stage.dir, `${name}.clock`);
    writeFileSync(file, '+0\n');
    const restart = async (env: { readonly [name: string]: string }) => {
      const process = warden.process(name);
      process.kill('SIGTERM');
      await process.exited;
      await warden.revive(name, env);
    };
    await restart({
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    });
    const jumpSeconds = random.between(60, 7_200) * (random.chance(0.5) ? 1 : -1);
    writeFileSync(file, `${jumpSeconds < 0 ? '' : '+'}${jumpSeconds}\n`);
    return {
      target: `${name} (${jumpSeconds} s)`,
      async undo() {
        await restart({});
        warden.release(name);
      },
    };
  },
};
