/**
 * `troupe up`: a cluster on this machine that lives as long as this process.
 *
 * U1  the record of the data folder is there from before the first process starts until after the
 *     last one has ended.
 */
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { failureOf, isShortName } from '@troupe/model';
import type { Command } from 'commander';
import { startCluster } from '../cluster/cluster.ts';
import type { Cluster, Process } from '../cluster/options.ts';
import { identityOf } from '../local/identity.ts';
import { takeRevival } from '../local/revivals.ts';
import {
  claimRecord,
  defaultDataDir,
  removeRecord,
  type UpRecord,
  writeRecord,
} from '../local/state-file.ts';
import { duration } from '../terminal/duration.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { detach, tellParent } from './detach.ts';
import { exitCodes, UsageError } from './exit-code.ts';
import { type Interruptions, listenForInterruptions } from './interruptions.ts';
import { countOf, examples, type Settings, settingsOf } from './settings.ts';
import { watchCluster } from './watch.ts';

const retryMs = 1_000;

interface UpOptions {
  readonly nodes: string;
  readonly schedulers: string;
  readonly port: string;
  readonly detach?: boolean;
}

export interface UpPlan {
  readonly cell: string;
  readonly dataDir: string;
  readonly nodes: number;
  readonly schedulers: number;
  readonly port: number;
}

export function addUp(program: Command): void {
  program
    .command('up')
    .description('start a cluster on this machine and keep it until Ctrl-C')
    .option('--nodes <n>', 'worker nodes', '3')
    .option('--schedulers <n>', 'schedulers; one leads, the others stand by', '1')
    .option('--port <port>', 'port of the first scheduler, 0 for a free one', '7411')
    .option('--detach', 'leave it running in the background; `troupe down` stops it')
    .addHelpText(
      'after',
      examples(
        'troupe up',
        'troupe up --nodes 5 --schedulers 2 --detach',
        'troupe up --cell eu --port 7511 --data /var/lib/troupe/eu',
      ) +
        '\n\nCtrl-C stops everything in order and exits with 0; a second one kills it (130).' +
        '\nState is kept in the data folder: the next `troupe up` goes on where this one stopped.',
    )
    .action(async (options: UpOptions, command: Command) => {
      const settings = settingsOf(command);
      const plan = planOf(settings, options);
      if (options.detach === true) await detach(settings.terminal, plan);
      else await up(settings, plan);
    });
}

function planOf(settings: Settings, options: UpOptions): UpPlan {
  const port = countOf('--port', options.port, 0);
  if (port > 65_535) throw new UsageError(`--port ${port} is above 65535`);
  if (!isShortName(settings.cell) || settings.cell.length > 32) {
    throw new UsageError(`--cell ${settings.cell} is longer than 32 characters`);
  }
  return {
    cell: settings.cell,
    dataDir: resolve(settings.data ?? defaultDataDir(settings.cell)),
    nodes: countOf('--nodes', options.nodes, 0),
    schedulers: countOf('--schedulers', options.schedulers, 1),
    port,
  };
}

async function up({ terminal }: Settings, plan: UpPlan): Promise<void> {
  const record: UpRecord = {
    cell: plan.cell,
    pid: process.pid,
    identity: identityOf(process.pid) ?? '',
    startedAt: new Date().toISOString(),
    state: 'starting',
    address: '',
    processes: [],
    shared: {},
  };
  claimRecord(plan.dataDir, record);
  // However this process ends, its record must not outlive it (U1); the guard sees to the others.
  const dropRecord = () => removeRecord(plan.dataDir);
  process.on('exit', dropRecord);
  const signals = listenForInterruptions();
  const startedAt = performance.now();
  try {
    const starting = startCluster({
      dataDir: plan.dataDir,
      cell: plan.cell,
      nodes: plan.nodes,
      schedulers: plan.schedulers,
      address: `127.0.0.1:${plan.port}`,
      onProgress: (line) => terminal.note(line),
    });
    const cluster = await Promise.race([starting, signals.first]);
    if (cluster === undefined) process.exit(exitCodes.interrupted);
    const current = () => ready(record, cluster);
    writeRecord(plan.dataDir, current());
    announce(terminal, current(), performance.now() - startedAt);
    tellParent({ ready: true });
    followExits(terminal, cluster, signals, () => writeRecord(plan.dataDir, current()));
    const watch = watchCluster(terminal, cluster.addresses.join(','));
    await signals.first;
    await watch.end();
    terminal.note('stopping: nodes, schedulers, nats, etcd (Ctrl-C again kills)');
    writeRecord(plan.dataDir, { ...current(), state: 'stopping' });
    const stopped = await Promise.race([cluster.stop().then(() => true), signals.second]);
    if (stopped === undefined) process.exit(exitCodes.interrupted);
    terminal.note('stopped');
  } finally {
    signals.end();
    dropRecord();
    process.off('exit', dropRecord);
  }
}

function ready(record: UpRecord, cluster: Cluster): UpRecord {
  return {
    ...record,
    state: 'ready',
    address: cluster.addresses.join(','),
    processes: processesOf(cluster).flatMap((one) => {
      const identity = one.running ? identityOf(one.pid) : undefined;
      if (identity === undefined) return [];
      const { name, kind, pid, log, address, incarnation } = one;
      return [{ name, kind, pid, identity, log, address, incarnation }];
    }),
    shared: { ...cluster.shared },
  };
}

function processesOf(cluster: Cluster): readonly Process[] {
  return [...cluster.servers.processes, ...cluster.schedulers, ...cluster.nodes];
}

function announce(terminal: Terminal, record: UpRecord, tookMs: number): void {
  const { shared: _, ...shown } = record;
  terminal.answer(shown, () => {
    terminal.line(
      terminal.paint('bold', `cell ${record.cell} is up at ${record.address}`) +
        ` (${duration(tookMs)})`,
    );
    terminal.line('deploy with `troupe deploy FILE`, look with `troupe status`, stop with Ctrl-C');
  });
}

/**
 * Says when a process ends before it was asked to. A server is started again, since nothing works
 * without it; a node or scheduler stays away, since its loss is what people want to see, unless
 * somebody wished beforehand that it come back.
 */
function followExits(
  terminal: Terminal,
  cluster: Cluster,
  signals: Interruptions,
  changed: () => void,
): void {
  const follow = async (one: Process): Promise<void> => {
    const { code, signal } = await one.exited;
    if (signals.count > 0) return;
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    const wish = isServer(one) ? { afterMs: 0 } : takeRevival(cluster.dataDir, one.name);
    const next = wish === undefined ? nextMove(one) : 'it is started again';
    terminal.note(`${one.name} (pid ${one.pid}) ${how}; ${next}`);
    changed();
    if (wish === undefined) return;
    await Promise.race([pause(wish.afterMs, undefined, { ref: false }), signals.first]);
    if (signals.count > 0) return;
    const again = await startedAgain(terminal, cluster, one);
    changed();
    if (again !== undefined) await follow(again);
  };
  for (const one of processesOf(cluster)) {
    follow(one).catch((cause) => terminal.note(`${one.name}: ${failureOf(cause).message}`));
  }
}

/** Tried again while the servers are away: what a fault ended must not stay so by another fault. */
async function startedAgain(
  terminal: Terminal,
  cluster: Cluster,
  { kind, name, address }: Process,
): Promise<Process | undefined> {
  if (kind === 'etcd' || kind === 'nats') {
    await cluster.restart(kind);
    return cluster.servers.processes.find((one) => one.name === name);
  }
  for (;;) {
    try {
      if (kind === 'node') return await cluster.startNode({ name });
      // Where clients know it.
      return await cluster.startScheduler(
        address === undefined ? { name } : { name, listen: address },
      );
    } catch (cause) {
      const { code, message } = failureOf(cause);
      if (code !== 'ETCD_UNREACHABLE' && code !== 'NATS_UNREACHABLE') throw cause;
      terminal.note(`${name}: ${code}: ${message}; it is tried again`);
      await pause(retryMs, undefined, { ref: false });
    }
  }
}

function isServer({ kind }: Process): boolean {
  return kind === 'etcd' || kind === 'nats';
}

function nextMove({ kind, name, log }: Process): string {
  return kind === 'node' ? `bring it back by \`troupe node start --name ${name}\`` : `see ${log}`;
}
