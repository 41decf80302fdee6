/**
 * A second build beside the installed one: the same code that calls itself a newer version, so that
 * both can be mixed in one cluster as in a rolling upgrade.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const lockFile = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })),
});
const require = createRequire(import.meta.url);
const rooms = ['proto', 'packages', 'scheduler', 'worker-node'];
/** Where the version that processes tell each other stands. */
const versionFile = 'packages/model/dist/version.js';

export interface SecondBuild {
  readonly root: string;
  /** What it calls itself. */
  readonly version: string;
}

/** Makes it in the folder. */
export function makeSecondBuild(folder: string): SecondBuild {
  const root = rootOf(require.resolve('@troupe/sdk'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const room of rooms) {
    const filter = (path: string) => !/\/(?:node_modules|src|test)$/.test(path.slice(root.length));
    cpSync(join(root, room), join(folder, room), { recursive: true, filter });
  }
  copyModules(root, folder);
  const file = join(folder, versionFile);
  const text = readFileSync(file, 'utf8');
  const [, major, minor, patch] = /'(\d+)\.(\d+)\.(\d+)'/.exec(text) ?? [];
  // Versions of one minor number may be mixed.
  const version = `${major}.${minor}.${Number(patch) + 1}`;
  writeFileSync(file, text.replace(`'${major}.${minor}.${patch}'`, `'${version}'`));
  return { root: folder, version };
}

function rootOf(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules', '@troupe'))) return folder;
    if (folder === dirname(folder)) throw new Error(`${file} lies in no workspace`);
  }
}

/**
 * What is needed only to build stays behind. By hard links where that can be, since what others made
 * is not changed; links stay links.
 */
function copyModules(root: string, target: string): void {
  const lock = lockFile.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  const wanted = Object.entries(lock.packages)
    .filter(([path, { dev }]) => /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path) && dev !== true)
    .map(([path]) => path)
    .filter((path) => existsSync(join(root, path)));
  const copy = (how: string) =>
    execFileSync('cp', [how, '--parents', ...wanted, target], { cwd: root, stdio: 'pipe' });
  try {
    copy('-al');
  } catch {
    // Another file system: then bytes are copied.
    rmSync(join(target, 'node_modules'), { recursive: true, force: true });
    copy('-a');
  }
}
