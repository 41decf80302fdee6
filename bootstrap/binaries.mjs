/**
 * Sees to it that `nats-server` and `etcd` are there, new enough: TROUPE_BIN, PATH, the cache
 * `.troupe/bin`, the system's packages unpacked without root, the official release by pinned
 * checksum. Runs before `npm install`, so it uses nothing but Node.
 *
 * B1  A file in the cache is whole: it is unpacked and tried elsewhere, then renamed into place.
 * B2  What was tried, and what it answered, is in the one error at the end.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { unpackDebs } from './apt.mjs';
import { cacheDir, isOlder, locate, root, servers, versionOf } from './locate.mjs';
import { withLock } from './lock.mjs';
import { unpackRelease } from './releases.mjs';

/** @returns `{ [name]: { path, version } }`; throws one error that names all that was tried. */
export async function ensureBinaries(say) {
  const first = await locateAll();
  if (first.missing.length === 0) return first.found;
  return withLock('binaries', say, async () => {
    // Another bootstrap may have brought them while this one waited.
    const again = await locateAll();
    if (again.missing.length === 0) return again.found;
    const refusals = again.missing.flatMap(({ passedOver }) => passedOver);
    await fetchMissing(
      again.missing.map(({ server }) => server),
      refusals,
      say,
    );
    const last = await locateAll();
    if (last.missing.length > 0) throw new Error(complaint(last.missing, refusals));
    return last.found;
  });
}

async function locateAll() {
  const found = {};
  const missing = [];
  const places = await Promise.all(servers.map(locate));
  for (const [index, server] of servers.entries()) {
    const { path, version, passedOver } = places[index];
    if (path === undefined) missing.push({ server, passedOver });
    else found[server.name] = { path, version };
  }
  return { found, missing };
}

/** Tries one source after the other; a source may bring some of the servers. */
async function fetchMissing(wanted, refusals, say) {
  clearLeftovers();
  const workDir = mkdtempSync(join(root, '.troupe', 'fetch-'));
  try {
    const left = await fromPackages(wanted, workDir, refusals, say);
    for (const server of left) {
      try {
        const folder = await unpackRelease(server.name, workDir, say);
        await keep(server, folder, 'official release', say);
      } catch (error) {
        refusals.push(`official release: ${error.message}`);
      }
    }
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** What a killed bootstrap left behind; the lock says that no living one is at work. */
function clearLeftovers() {
  const folder = join(root, '.troupe');
  for (const name of readdirSync(folder)) {
    if (name.startsWith('fetch-')) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** @returns the servers that the system's packages could not bring. */
async function fromPackages(wanted, workDir, refusals, say) {
  let left = wanted;
  try {
    const packages = wanted.map((server) => server.debPackage);
    for await (const { suite, folders } of unpackDebs(packages, workDir, say)) {
      const still = [];
      for (const server of left) {
        try {
          await keep(server, folders[server.debPackage], `${suite} package`, say);
        } catch (error) {
          refusals.push(`${suite} package: ${error.message}`);
          still.push(server);
        }
      }
      left = still;
      if (left.length === 0) break;
    }
  } catch (error) {
    refusals.push(`system packages: ${error.message}`);
  }
  return left;
}

/** Moves the program into the cache, after it has run once and said a version new enough. */
async function keep(server, folder, source, say) {
  const unpacked = findFile(folder, server.name);
  if (unpacked === undefined) throw new Error(`no program ${server.name} in it`);
  mkdirSync(cacheDir, { recursive: true });
  const temporary = join(cacheDir, `.${server.name}.${process.pid}`);
  try {
    copyFileSync(unpacked, temporary);
    chmodSync(temporary, 0o755);
    const version = await versionOf(temporary);
    if (version === undefined) throw new Error(`its ${server.name} does not run here`);
    if (isOlder(version, server.least))
      throw new Error(`its ${server.name} is ${version.join('.')}`);
    renameSync(temporary, join(cacheDir, server.name));
    say(`${server.name} ${version.join('.')} from the ${source} is in ${cacheDir}`);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** The largest file of that name: packages carry folders and start scripts under the same name. */
function findFile(folder, name) {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name === name)
    .map((entry) => join(entry.parentPath ?? entry.path, name));
  return files.sort((one, other) => statSync(other).size - statSync(one).size)[0];
}

function complaint(missing, refusals) {
  const wanted = missing.map(
    ({ server }) => `${server.name} >= ${server.least.slice(0, 2).join('.')}`,
  );
  return [
    `not found and not to be had: ${wanted.join(' and ')}. Tried:`,
    ...['TROUPE_BIN, PATH and .troupe/bin: nothing new enough', ...refusals].map(
      (line) => `  - ${line}`,
    ),
    `Install them by any means, so that they are on PATH, or put the programs into ${cacheDir}`,
    'or into a folder named by TROUPE_BIN; then run this again.',
  ].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    const found = await ensureBinaries((line) => console.log(`bootstrap: ${line}`));
    for (const [name, { path, version }] of Object.entries(found)) {
      console.log(`bootstrap: ${name} ${version} (${path})`);
    }
  } catch (error) {
    console.error(`bootstrap: ${error.message}`);
    process.exitCode = 1;
  }
}
