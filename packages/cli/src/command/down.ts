/** `troupe down`: ends what `troupe up` started, and nothing else. */
import type { Command } from 'commander';
import { isRunning, type KnownProcess, signalKnown } from '../local/identity.ts';
import { findDataDir, readRecord, removeRecord, type UpRecord } from '../local/state-file.ts';
import { placedHere } from './placed-nodes.ts';
import { examples, settingsOf } from './settings.ts';

/** `up` stops its processes within bounds of its own; this one only guards against its death. */
const orderlyMsMax = 60_000;
const killMsMax = 5_000;
const lookMs = 50;

/** In this order a cluster stops without losing an answer. */
const order = ['node', 'scheduler', 'nats', 'etcd'] as const;

export function addDown(program: Command): void {
  program
    .command('down')
    .description('stop the local cluster that `troupe up` started')
    .addHelpText('after', examples('troupe down', 'troupe down --cell eu'))
    .action(async (_options: object, command: Command) => {
      const { terminal, cell, data } = settingsOf(command);
      const dataDir = findDataDir(cell, data);
      const record = readRecord(dataDir);
      if (record === undefined) {
        terminal.answer({ stopped: false, dataDir }, () =>
          terminal.line(`nothing is up in ${dataDir}`),
        );
        return;
      }
      if (isRunning(record)) await endUp(record);
      await endLeftovers(record);
      removeRecord(dataDir);
      for (const { name } of await placedHere(cell, data)) {
        terminal.note(
          `node ${name} was added and waits on; end it by \`troupe node remove ${name}\``,
        );
      }
      terminal.answer({ stopped: true, dataDir, cell: record.cell, pid: record.pid }, () =>
        terminal.line(`cell ${record.cell} is down; its data stays in ${dataDir}`),
      );
    });
}

async function endUp(record: UpRecord): Promise<void> {
  signalKnown(record, 'SIGTERM');
  if (await gone(record, orderlyMsMax)) return;
  signalKnown(record, 'SIGKILL');
  await gone(record, killMsMax);
}

/** What an `up` that was killed left behind. */
async function endLeftovers(record: UpRecord): Promise<void> {
  for (const kind of order) {
    const left = record.processes.filter((one) => one.kind === kind && isRunning(one));
    for (const one of left) signalKnown(one, 'SIGTERM');
    for (const one of left) {
      if (await gone(one, killMsMax)) continue;
      signalKnown(one, 'SIGKILL');
      await gone(one, killMsMax);
    }
  }
}

/** Only a parent is told of an end; anyone else has to look. */
async function gone(known: KnownProcess, msMax: number): Promise<boolean> {
  const end = performance.now() + msMax;
  while (isRunning(known)) {
    if (performance.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return true;
}
