/** `troupe up --detach`: the same `up` in a process of its own, left once it is ready. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Failure, isErrorCode, TroupeError } from '@troupe/model';
import { inheritedEnvironment, lastLines } from '../cluster/child.ts';
import { readRecord } from '../local/state-file.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { UpPlan } from './up.ts';

type Word = { readonly ready: true } | { readonly failure: Failure };

/** Where the command begins, for a process that does the same. */
const binary = fileURLToPath(new URL('../../bin/troupe.js', import.meta.url));

export async function detach(terminal: Terminal, plan: UpPlan): Promise<void> {
  mkdirSync(plan.dataDir, { recursive: true });
  const logFile = join(plan.dataDir, 'up.log');
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [binary, ...argumentsOf(plan)], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: inheritedEnvironment(),
  });
  closeSync(log);
  const word = await new Promise<Word | undefined>((resolve) => {
    child.once('message', (message) => resolve(wordOf(message)));
    child.once('exit', () => resolve(undefined));
    child.once('error', () => resolve(undefined));
  });
  if (child.connected) child.disconnect();
  child.unref();
  if (word === undefined) {
    throw new TroupeError({
      code: 'INTERNAL',
      message: `the detached \`up\` ended early; its last words:\n${lastLines(logFile, 8)}`,
      details: { log: logFile },
    });
  }
  if ('failure' in word) throw new TroupeError(word.failure);
  const { shared: _, ...record } = readRecord(plan.dataDir) ?? { shared: {} };
  terminal.answer({ ...record, log: logFile }, () => {
    const address = 'address' in record ? record.address : '';
    terminal.line(`cell ${plan.cell} is up at ${address} (pid ${child.pid}, log ${logFile})`);
    terminal.line('stop it with `troupe down`');
  });
}

/** What a detached `up` says to the command that started it; nothing when nobody did. */
export function tellParent(word: Word): void {
  process.send?.(word);
}

function argumentsOf(plan: UpPlan): string[] {
  return [
    'up',
    ...['--cell', plan.cell, '--data', plan.dataDir, '--port', String(plan.port)],
    ...['--nodes', String(plan.nodes), '--schedulers', String(plan.schedulers)],
  ];
}

function wordOf(message: unknown): Word | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  if ('ready' in message) return { ready: true };
  if (!('failure' in message)) return undefined;
  const { failure } = message;
  if (typeof failure !== 'object' || failure === null) return undefined;
  if (!('code' in failure) || !('message' in failure)) return undefined;
  const code = String(failure.code);
  return isErrorCode(code) ? { failure: { code, message: String(failure.message) } } : undefined;
}
