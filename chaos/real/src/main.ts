/**
 * `npm run chaos -- --for 10m --nodes 5`: puts a cluster of real processes under faults and checks
 * what it promised. Ends with 0 when it passed, 1 when it failed, 2 when it was asked wrongly, 3 when
 * nothing was proved, and 130 when it was interrupted.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { TroupeError } from '@troupe/sdk';
import { historyFileOf, NoFaultsError, runChaos } from './chaos.ts';
import { dataDirOf, logDirOf } from './cluster/stage.ts';
import { type FaultKind, faultKinds, isFaultKind, lastKind } from './faults/kinds.ts';
import { type History, NoHistoryError, readHistory } from './history/history.ts';
import { occupy } from './occupied.ts';
import { reportHtml } from './report/html.ts';
import { type Conclusion, type Summary, summarize } from './report/summary.ts';
import { reportText } from './report/text.ts';

const help = `Usage: npm run chaos -- [options]

  --for TIME         how long faults are injected: 90s, 10m, 1h (default 2m); from 10m on until every
                     kind has come, and from 30m on three times, at most twice as long
  --nodes N          worker nodes (default 5)
  --schedulers N     scheduler replicas (default 3)
  --seed S           the same faults in the same order (default: a new one, which is printed)
  --only KIND,…      only these kinds of faults
  --loopback         all processes on one loopback, also where machines can be had (Linux, root)
  --pace N           2 is about twice the load (default 1), which gives way on a busy machine
  --dir DIR          history, logs and reports (default .troupe/chaos/SEED)
  --json FILE        the report as JSON (default DIR/report.json)
  --html FILE        the report as one page (default DIR/report.html)
  --check FILE       check a history again, without a cluster

Kinds of faults:
  ${faultKinds.join(', ')}

libfaketime is taken from where Debian puts it, or from FAKETIME_LIBRARY.

Exit codes: 0 passed, 1 failed, 2 asked wrongly, 3 inconclusive, 130 interrupted.

Examples:
  npm run chaos -- --for 10m --nodes 5
  npm run chaos -- --for 1m --only kill-node,freeze-leader --seed 7
  npm run chaos -- --check .troupe/chaos/7/history.jsonl
`;

const exitCodes: { readonly [C in Conclusion]: number } = { passed: 0, failed: 1, inconclusive: 3 };
const usageCode = 2;
const firstWords = '{"kind":"begin"';
/**
 * Go collects garbage when the heap has doubled, so that what etcd and NATS hold follows how much they
 * keep and how fast it changes. Under a limit they collect in time, and only a leak grows.
 */
const serverMemoryMax = '256MiB';
const interruptedCode = 130;

const idleBesideCheck = [
  'for',
  'nodes',
  'schedulers',
  'seed',
  'only',
  'loopback',
  'pace',
  'dir',
] as const;

/** Machines have one network, of 250 at most. */
const nodesMax = 200;
const schedulersMax = 9;

class UsageError extends Error {}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      for: { type: 'string' },
      nodes: { type: 'string' },
      schedulers: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      loopback: { type: 'boolean' },
      pace: { type: 'string' },
      dir: { type: 'string' },
      json: { type: 'string' },
      html: { type: 'string' },
      check: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const { check, json, html } = values;
  for (const file of [json, html]) if (file !== undefined) refuseUnwritable(file);
  if (check !== undefined) {
    const idle = idleBesideCheck.find((option) => values[option] !== undefined);
    if (idle !== undefined) throw new UsageError(`--${idle} does nothing beside --check`);
    return report(summarize(historyIn(check)), { json, html });
  }
  const faketime = process.env['FAKETIME_LIBRARY'];
  if (faketime !== undefined && !existsSync(faketime)) {
    throw new UsageError(`FAKETIME_LIBRARY names ${faketime}, which is not there`);
  }
  const { seed = String(Date.now() % 1_000_000) } = values;
  if (seed === '') throw new UsageError('--seed is empty');
  const asked = {
    forMs: milliseconds(values.for ?? '2m'),
    nodes: count('--nodes', values.nodes ?? '5'),
    schedulers: count('--schedulers', values.schedulers ?? '3'),
    kinds: kindsOf(values.only),
    pace: count('--pace', values.pace ?? '1'),
  };
  if (asked.nodes > nodesMax) throw new UsageError(`--nodes ${asked.nodes} is over ${nodesMax}`);
  if (asked.schedulers > schedulersMax) {
    throw new UsageError(`--schedulers ${asked.schedulers} is over ${schedulersMax}`);
  }
  if (values.dir === undefined && !/^\w[\w.-]*$/.test(seed)) {
    throw new UsageError(`--seed ${seed} is no name of a folder, so it needs --dir`);
  }
  // A machine reached by ssh is told paths in it.
  const dir = resolve(values.dir ?? join('.troupe', 'chaos', seed));
  refuseForeign(dir);
  const other = occupy(dir);
  if (other !== undefined) {
    throw new UsageError(
      `a run (pid ${other}) is at work in ${dir}: wait for its end, or give another --dir or --seed`,
    );
  }
  const began = performance.now();
  const say = (line: string) => {
    const seconds = ((performance.now() - began) / 1_000).toFixed(1).padStart(7);
    process.stderr.write(`${seconds}  ${line}\n`);
  };
  say(`seed ${seed}; history and logs in ${dir}`);
  process.env['GOMEMLIMIT'] ??= serverMemoryMax;
  const history = await runChaos({
    seed,
    dir,
    say,
    ...asked,
    ...(values.loopback === true ? { place: 'loopback' } : {}),
  });
  return report(summarize(history), {
    json: json ?? join(dir, 'report.json'),
    html: html ?? join(dir, 'report.html'),
  });
}

/** A file that cannot be had was asked for wrongly; one that is no history proves nothing. */
function historyIn(file: string): History {
  try {
    return readHistory(file);
  } catch (reason) {
    if (!isSystemError(reason)) throw reason;
    throw new UsageError(`--check ${file} cannot be read: ${reason.message}`);
  }
}

/** Before the run whose report it is to hold. */
function refuseUnwritable(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new UsageError(`${file} cannot be written: ${why}`);
  }
}

/** Data and logs of an earlier run there are taken away; those of anybody else are not ours. */
function refuseForeign(dir: string): void {
  if (existsSync(dir) && !statSync(dir).isDirectory()) {
    throw new UsageError(`--dir ${dir} is no folder`);
  }
  makeFolder(dir);
  if (isOurs(historyFileOf(dir))) return;
  const taken = [historyFileOf(dir), dataDirOf(dir), logDirOf(dir)].find((one) => existsSync(one));
  if (taken === undefined) return;
  throw new UsageError(`${taken} is there and of no earlier run: give another --dir`);
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK);
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new UsageError(`--dir ${dir} cannot be made or written to: ${why}`);
  }
}

/** A history as far as it goes; one that broke off before its first line is empty. */
function isOurs(file: string): boolean {
  if (!existsSync(file)) return false;
  const handle = openSync(file, 'r');
  try {
    const start = Buffer.alloc(firstWords.length);
    const length = readSync(handle, start);
    return firstWords.startsWith(start.toString('utf8', 0, length));
  } finally {
    closeSync(handle);
  }
}

function isSystemError(reason: unknown): reason is Error {
  return reason instanceof Error && 'syscall' in reason;
}

interface ReportFiles {
  readonly json?: string | undefined;
  readonly html?: string | undefined;
}

function report(summary: Summary, { json, html }: ReportFiles): number {
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(summary, null, 2)}\n`);
  if (html !== undefined) writeFileSync(html, reportHtml(summary));
  process.stdout.write(reportText(summary));
  return exitCodes[summary.conclusion];
}

function isParseError(reason: unknown): boolean {
  if (!(reason instanceof Error && 'code' in reason)) return false;
  return String(reason.code).startsWith('ERR_PARSE_ARGS');
}

function milliseconds(text: string): number {
  const [, amount = '', unit = ''] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
  const factor = { s: 1_000, m: 60_000, h: 3_600_000 }[unit];
  const ms = Number(amount) * (factor ?? 0);
  if (ms === 0) throw new UsageError(`--for ${text} is no time such as 90s, 10m or 1h`);
  return ms;
}

function count(option: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(`${option} ${text} is not a whole number from 1 on`);
}

function kindsOf(only: string | undefined): readonly FaultKind[] {
  if (only === undefined) return faultKinds;
  const kinds = [...new Set(only.split(','))].map((kind) => {
    if (isFaultKind(kind)) return kind;
    throw new UsageError(`"${kind}" is no kind of fault; there are ${faultKinds.join(', ')}`);
  });
  if (kinds.some((kind) => kind !== lastKind)) return kinds;
  throw new UsageError(`${lastKind} comes last, after rounds of others: name one of them too`);
}

// What the suite started ends with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => process.exit(interruptedCode));
}

/** What broke off, or was no history, proved nothing. */
function breakOff(reason: unknown): never {
  const wrongly =
    reason instanceof UsageError || reason instanceof NoFaultsError || isParseError(reason);
  const noServer = reason instanceof TroupeError && reason.code === 'SERVER_MISSING';
  const told = wrongly || noServer || reason instanceof NoHistoryError;
  const text = reason instanceof Error ? (told ? reason.message : reason.stack) : reason;
  process.stderr.write(`${text}\n`);
  process.exit(wrongly ? usageCode : exitCodes.inconclusive);
}

// In a client's loop nobody waits for what is thrown: the code of Node would be that of a failure.
process.on('uncaughtException', breakOff);

main().then((code) => process.exit(code), breakOff);
