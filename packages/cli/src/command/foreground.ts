/**
 * One scheduler or node by hand, in the foreground: its configuration from a file or from options,
 * its log on standard error, its end this command's end.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isShortName } from '@troupe/model';
import { inheritedEnvironment } from '../cluster/child.ts';
import { startGuard } from '../cluster/guard.ts';
import { heapFlags } from '../cluster/heap-flag.ts';
import { mainOf } from '../cluster/mains.ts';
import { findDataDir, readRecord } from '../local/state-file.ts';
import { exitCodes, UsageError } from './exit-code.ts';
import { listenForInterruptions } from './interruptions.ts';
import { type Settings, shortNameRule } from './settings.ts';

export interface ForegroundOptions {
  readonly config?: string;
  readonly name?: string;
  readonly etcd?: readonly string[];
  readonly nats?: readonly string[];
}

/** The configuration file that the options name or mean; written beside the data when they do. */
export function configFileOf(
  kind: 'scheduler' | 'node',
  settings: Settings,
  options: ForegroundOptions,
  section: { readonly [key: string]: unknown },
): string {
  if (options.config !== undefined) {
    const extra = [...Object.keys(section), ...Object.keys(options)].filter(
      (key) => key !== 'config',
    );
    if (extra.length === 0) return options.config;
    throw new UsageError(
      `--config says everything; leave out ${extra.map((key) => `--${key}`).join(', ')}`,
    );
  }
  const { name } = options;
  if (name === undefined) throw new UsageError('give --name, or --config with a file');
  // Before anything is written under it.
  if (!isShortName(name)) {
    throw new UsageError(`--name ${JSON.stringify(name)} is no name: ${shortNameRule}`);
  }
  const dataDir = findDataDir(settings.cell, settings.data);
  const up = readRecord(dataDir)?.shared ?? {};
  const shared = {
    ...up,
    cell: settings.cell,
    ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
    ...(options.nats === undefined ? {} : { nats: { servers: options.nats } }),
  };
  if (!('etcd' in shared) || !('nats' in shared)) {
    throw new UsageError(`nothing is up in ${dataDir}: give --etcd and --nats, or --config`);
  }
  const folder = join(dataDir, name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'config.json');
  const defaults = kind === 'node' ? { data: folder } : {};
  const config = { ...shared, [kind]: { ...defaults, name, ...section } };
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return file;
}

/** Runs it to its end. The first Ctrl-C asks it to stop in order, the second kills it. */
export async function runInForeground(
  kind: 'scheduler' | 'node',
  settings: Settings,
  configFile: string,
): Promise<void> {
  const guard = startGuard();
  const options = process.env['NODE_OPTIONS'];
  const flags = heapFlags({ kind, schedulers: 1, options });
  const child = spawn(process.execPath, [...flags, mainOf(kind), '--config', configFile], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: inheritedEnvironment(),
  });
  if (child.pid !== undefined) guard.watch(child.pid);
  const signals = listenForInterruptions();
  void signals.first.then(() => child.kill('SIGTERM'));
  void signals.second.then(() => child.kill('SIGKILL'));
  createInterface({ input: child.stdout }).on('line', (line) => settings.terminal.line(line));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exit, signal) => resolve(exit ?? (signal === null ? 0 : -1)));
  });
  if (child.pid !== undefined) guard.forget(child.pid);
  guard.close();
  signals.end();
  process.exitCode = exitCodeFor(code, signals.count);
}

/** The processes use 2 for a bad configuration and 3 for servers out of reach, as we do. */
function exitCodeFor(code: number, interruptions: number): number {
  if (code === exitCodes.ok || code === exitCodes.usage || code === exitCodes.unreachable)
    return code;
  return interruptions > 0 ? exitCodes.interrupted : exitCodes.failed;
}
