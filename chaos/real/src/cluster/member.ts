/**
 * One process that belongs to the cluster: what faults may do to it, whatever started it and
 * wherever it runs.
 */
import { readFileSync } from 'node:fs';
import type { Machine } from '@troupe/chaos-faults';
import type { Environment, Exit } from '@troupe/cli';

export type Role = 'node' | 'scheduler' | 'etcd' | 'nats';

/** How it is started from now on; what is absent is as at its first start. */
export interface Change {
  readonly env?: Environment;
  /** Root of another build. */
  readonly build?: string;
}

export interface Member {
  readonly name: string;
  readonly role: Role;
  /** Absent where all processes share one. */
  readonly machine: Machine | undefined;
  /** False when nobody sees to it that it runs, and it does not. */
  readonly running: boolean;
  /** Of the process that runs now. */
  pid(): Promise<number | undefined>;
  /** Sends the signal to the process that runs now and waits until that has ended; false when none
   *  runs. */
  end(signal: NodeJS.Signals): Promise<boolean>;
  /** Resolves when it serves, as a new process where the last one has ended; asks until then. */
  start(): Promise<void>;
  /** Ends it in order and starts it anew, changed; all later starts are like that too. */
  renew(change: Change): Promise<void>;
  /** Hears of every end of its process. A member that is kept running by others never tells. */
  onExit(listener: (exit: Exit) => void): void;
  /** Brings its log to the folder of logs, where it lies elsewhere. */
  bringLog(): Promise<void>;
  /** Lets starts under way go. */
  abandon(): void;
}

/** Sends a signal to a process that may have ended; false when it has. */
export function signal(pid: number, kind: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, kind);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ESRCH') return false;
    throw cause;
  }
}

/** What the kernel tells of a process; nothing of one that has ended, or where it tells nothing. */
export function procFile(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw cause;
  }
}
