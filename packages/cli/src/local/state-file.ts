/**
 * The record of a local cluster that `troupe up` keeps in its data folder, so that other commands
 * find its address and processes.
 *
 * R1  at most one `up` owns a folder: the record is created exclusively.
 * R2  a reader sees a whole record, never half of one.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { TroupeError } from '@troupe/model';
import { z } from 'zod';
import { isRunning } from './identity.ts';

const processRecord = z.object({
  name: z.string(),
  kind: z.enum(['etcd', 'nats', 'scheduler', 'node']),
  pid: z.number(),
  identity: z.string(),
  address: z.string().optional(),
  incarnation: z.string().optional(),
  log: z.string(),
});

const upRecord = z.object({
  cell: z.string(),
  /** The `troupe up` process itself. */
  pid: z.number(),
  identity: z.string(),
  startedAt: z.string(),
  state: z.enum(['starting', 'ready', 'stopping']),
  /** Of all schedulers, with commas; empty while starting. */
  address: z.string(),
  processes: z.array(processRecord),
  /** Shared part of the configuration, for a node started by hand. */
  shared: z.record(z.string(), z.unknown()),
});

export type UpRecord = z.infer<typeof upRecord>;

const fileName = 'up.json';

/** Data folder of a cell under the working folder; `--data` names another. */
export function defaultDataDir(cell: string): string {
  return join('.troupe', 'cluster', cell);
}

/** The data folder that commands mean: the named one, else the nearest upwards that is up. */
export function findDataDir(cell: string, data: string | undefined): string {
  if (data !== undefined) return resolve(data);
  for (let dir = process.cwd(); ; dir = dirname(dir)) {
    const candidate = join(dir, defaultDataDir(cell));
    if (existsSync(join(candidate, fileName))) return candidate;
    if (dir === dirname(dir)) return resolve(defaultDataDir(cell));
  }
}

/** The record in the folder; absent when there is none or it cannot be read as one. */
export function readRecord(dataDir: string): UpRecord | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataDir, fileName), 'utf8');
  } catch {
    // Nothing was recorded here.
    return undefined;
  }
  try {
    const parsed = upRecord.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // Not JSON: written by something else, so nothing of ours runs by it.
    return undefined;
  }
}

/** Takes the folder (R1); `ALREADY_EXISTS` when an `up` that still runs has it. */
export function claimRecord(dataDir: string, record: UpRecord): void {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, fileName);
  for (;;) {
    const own = writeAside(file, record);
    try {
      linkSync(own, file);
      return;
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    } finally {
      rmSync(own, { force: true });
    }
    const other = readRecord(dataDir);
    if (other !== undefined && isRunning(other)) {
      throw new TroupeError({
        code: 'ALREADY_EXISTS',
        message: `cell ${other.cell} is up already in ${dataDir} (pid ${other.pid}); stop it with \`troupe down\``,
        details: { pid: other.pid, dataDir },
      });
    }
    rmSync(file, { force: true });
  }
}

export function writeRecord(dataDir: string, record: UpRecord): void {
  const file = join(dataDir, fileName);
  renameSync(writeAside(file, record), file);
}

export function removeRecord(dataDir: string): void {
  rmSync(join(dataDir, fileName), { force: true });
}

/** R2: written beside the record, then moved in its place. It may hold passwords. */
function writeAside(file: string, record: UpRecord): string {
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  return aside;
}
