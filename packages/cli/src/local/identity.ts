/**
 * Which process a pid means. A pid alone may belong to a stranger after its process has ended, so a
 * record of a process holds also when it started, and nobody is signalled on the pid alone.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Text that only this very process has; absent when no such process runs. */
export function identityOf(pid: number): string | undefined {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in parentheses and may hold anything; state and numbers follow it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}:${fields[19]}`;
  } catch {
    // No such process.
    return undefined;
  }
}

function fromPs(pid: number): string | undefined {
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return started.trim() || undefined;
  } catch {
    // `ps` says so when there is no such process.
    return undefined;
  }
}

export interface KnownProcess {
  readonly pid: number;
  readonly identity: string;
}

/** True while the very process recorded runs. */
export function isRunning(known: KnownProcess): boolean {
  return identityOf(known.pid) === known.identity;
}

/** Signals the process unless it is no longer the one recorded; tells whether it was. */
export function signalKnown(known: KnownProcess, signal: NodeJS.Signals): boolean {
  if (!isRunning(known)) return false;
  try {
    process.kill(known.pid, signal);
    return true;
  } catch (cause) {
    // It ended between the two looks; anything else (no permission) is the caller's to hear.
    if (cause instanceof Error && 'code' in cause && cause.code === 'ESRCH') return false;
    throw cause;
  }
}
