/**
 * One bootstrap at a time in one checkout. The lock is a file that holds the pid of its owner; the
 * lock of a process that is gone is taken over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from './locate.mjs';

const waitMsMax = 600_000;

/** Runs `body` while no other process runs one under the same name. */
export async function withLock(name, say, body) {
  const folder = join(root, '.troupe');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.lock`);
  const own = `${path}.${process.pid}`;
  const release = () => rmSync(path, { force: true });
  await take(path, own, say);
  process.once('exit', release);
  try {
    return await body();
  } finally {
    process.off('exit', release);
    release();
  }
}

async function take(path, own, say) {
  const started = Date.now();
  let said = false;
  writeFileSync(own, String(process.pid));
  try {
    while (!tryLink(own, path)) {
      const owner = ownerOf(path);
      if (owner !== undefined && !isAlive(owner)) {
        clear(path, own, owner);
        continue;
      }
      if (!said && owner !== undefined) {
        say(`waiting for the bootstrap of process ${owner}`);
        said = true;
      }
      if (Date.now() - started > waitMsMax) {
        throw new Error(`process ${owner} holds ${path} for too long; end it, or delete the file`);
      }
      await delay(100);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** A link appears whole or not at all, so nobody reads a lock without a pid. */
function tryLink(own, path) {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a dead owner's lock; one that somebody took meanwhile is put back. */
function clear(path, own, dead) {
  const aside = `${own}.dead`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (ownerOf(aside) !== dead) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
