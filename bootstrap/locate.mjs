/**
 * Which servers Troupe stands on, how new they must be, and where on this machine they are.
 * Order: the folder named by TROUPE_BIN, PATH, the cache `.troupe/bin` of this repository.
 * A server counts only when it runs here and says a version that is new enough.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const cacheDir = join(root, '.troupe', 'bin');

/** `debPackage` is the name in Debian and Ubuntu, which both split etcd. */
export const servers = [
  { name: 'nats-server', least: [2, 10, 0], debPackage: 'nats-server' },
  { name: 'etcd', least: [3, 5, 0], debPackage: 'etcd-server' },
];

/** @returns what was found: `{ path, version }`, and what was passed over and why. */
export async function locate(server) {
  const passedOver = [];
  for (const folder of folders()) {
    const path = join(folder, server.name);
    if (!isExecutable(path)) continue;
    const version = await versionOf(path);
    if (version === undefined) {
      passedOver.push(`${path} does not run on this machine`);
    } else if (isOlder(version, server.least)) {
      passedOver.push(`${path} is version ${version.join('.')}`);
    } else {
      return { path, version: version.join('.'), passedOver };
    }
  }
  return { passedOver };
}

/** The version that the program at `path` says it has, or undefined when it does not run. */
export function versionOf(path) {
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: 10_000 }, (error, stdout) => {
      const match = /(\d+)\.(\d+)\.(\d+)/.exec(stdout);
      resolve(error || match === null ? undefined : match.slice(1, 4).map(Number));
    });
  });
}

export function isOlder(version, least) {
  for (const [index, part] of least.entries()) {
    if (version[index] !== part) return version[index] < part;
  }
  return false;
}

function folders() {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  const named = process.env.TROUPE_BIN ? [process.env.TROUPE_BIN] : [];
  return [...named, ...onPath, cacheDir];
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
