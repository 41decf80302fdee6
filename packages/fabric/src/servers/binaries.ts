/**
 * Where the server programs are. Order: the folder named by TROUPE_BIN, PATH, the cache `.troupe/bin`
 * of the repository, found by walking up from this module and from the working folder. A program
 * counts only when it runs here and says a version that is new enough.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { troupeError } from '@troupe/model';

export type ServerName = 'etcd' | 'nats-server';

/** Older ones cannot promise what the log stands on. */
const least: Record<ServerName, readonly [major: number, minor: number]> = {
  etcd: [3, 5],
  'nats-server': [2, 10],
};

const found = new Map<ServerName, Promise<string>>();

/** The path of a program that is new enough, else `SERVER_MISSING`. */
export function findBinary(name: ServerName): Promise<string> {
  const known = found.get(name);
  if (known !== undefined) return known;
  const search = searchFolders(name);
  found.set(name, search);
  // A failed search is not remembered: the program may be brought meanwhile.
  search.catch(() => found.delete(name));
  return search;
}

async function searchFolders(name: ServerName): Promise<string> {
  const [major, minor] = least[name];
  const passedOver: string[] = [];
  for (const folder of folders()) {
    const path = join(folder, name);
    if (!isExecutable(path)) continue;
    const version = await versionOf(path);
    if (version === undefined) passedOver.push(`${path} does not run`);
    else if (version[0] > major || (version[0] === major && version[1] >= minor)) return path;
    else passedOver.push(`${path} is ${version.join('.')}`);
  }
  const seen = passedOver.length === 0 ? '' : ` (${passedOver.join(', ')})`;
  throw troupeError(
    'SERVER_MISSING',
    `no ${name} >= ${major}.${minor} in TROUPE_BIN, on PATH or in .troupe/bin${seen}`,
    { server: name },
  );
}

function folders(): string[] {
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => isAbsolute(folder));
  const named = process.env['TROUPE_BIN'];
  // Whoever names a folder means it, whatever else is installed.
  return [...(named ? [named] : []), ...onPath, ...caches()];
}

/** Every `.troupe/bin` in this module's folder, the working folder, or above either. */
function caches(): string[] {
  const caches = new Set<string>();
  for (const start of [import.meta.dirname, process.cwd()]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const cache = join(folder, '.troupe', 'bin');
      if (existsSync(cache)) caches.add(cache);
      if (dirname(folder) === folder) break;
    }
  }
  return [...caches];
}

function versionOf(path: string): Promise<[number, number] | undefined> {
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: 10_000 }, (error, stdout) => {
      const match = error === null ? /(\d+)\.(\d+)\.\d+/.exec(stdout) : null;
      resolve(match === null ? undefined : [Number(match[1]), Number(match[2])]);
    });
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
