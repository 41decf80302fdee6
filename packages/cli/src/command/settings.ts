/** The options that every command has, and the cluster that they mean. */
import { isShortName } from '@troupe/model';
import type { Command } from 'commander';
import { findDataDir, readRecord } from '../local/state-file.ts';
import { type Terminal, terminal } from '../terminal/terminal.ts';
import { UsageError } from './exit-code.ts';

export interface Settings {
  readonly terminal: Terminal;
  readonly tenant: string;
  readonly cell: string;
  /** As given; see `dataDir` of a running cluster in `state-file.ts`. */
  readonly data: string | undefined;
  /** Where the gateways are: as given, of the local cluster that is up, or absent. */
  address(): string | undefined;
}

export const shortNameRule = 'lower-case letters, digits and inner "-", at most 63';

export function addSettings(program: Command): void {
  program
    .option('--address <host:port>', 'gateway of the cluster, several with commas')
    .option('--tenant <name>', 'whose actors, tasks and runs are meant', 'default')
    .option('--cell <name>', 'which local cluster is meant', 'default')
    .option('--data <dir>', 'data folder of the local cluster (.troupe/cluster/<cell>)')
    .option('--json', 'print one JSON value on standard output');
}

/** Reads them from a command of the program, which knows its parents' options too. */
export function settingsOf(command: Command): Settings {
  const given = command.optsWithGlobals<{
    address?: string;
    tenant: string;
    cell: string;
    data?: string;
    json?: boolean;
  }>();
  for (const [name, value] of [
    ['--tenant', given.tenant],
    ['--cell', given.cell],
  ] as const) {
    if (!isShortName(value)) {
      throw new UsageError(`${name} ${JSON.stringify(value)} is no name: ${shortNameRule}`);
    }
  }
  return {
    terminal: terminal(given.json === true),
    tenant: given.tenant,
    cell: given.cell,
    data: given.data,
    address: () => given.address ?? process.env['TROUPE_ADDRESS'] ?? upAddress(given),
  };
}

function upAddress(given: { cell: string; data?: string }): string | undefined {
  return readRecord(findDataDir(given.cell, given.data))?.address || undefined;
}

/** A whole number of at least `least`, as an option's value. */
export function countOf(name: string, text: string, least: number): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= least) return count;
  throw new UsageError(`${name} ${JSON.stringify(text)} is not a whole number from ${least} on`);
}

const spanUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A span of time such as `500ms`, `5s`, `2m`, `1h` as an option's value; in milliseconds. */
export function spanOf(name: string, text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (amount !== undefined && isSpanUnit(unit)) return Math.round(Number(amount) * spanUnits[unit]);
  throw new UsageError(`${name} ${JSON.stringify(text)} is no span of time such as 500ms, 5s, 2m`);
}

function isSpanUnit(unit: string): unit is keyof typeof spanUnits {
  return Object.hasOwn(spanUnits, unit);
}

/** Examples under a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
