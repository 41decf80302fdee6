/**
 * A machine: a network namespace with an address of its own, and all processes that run in it.
 *
 * M1  a signal reaches the processes that run in the namespace, what they start meanwhile included,
 *     and no other: whole-machine faults look again until nobody new is found.
 */
import { run } from './command.ts';

export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Goes before a command that is to run on it. */
  readonly prefix: readonly string[];
  /** Processes that run on it. */
  pids(): number[];
  /** Every process stops where it is, as in a pause of the whole machine. */
  freeze(): void;
  thaw(): void;
  /** Every process dies at once, as by a power failure; the disk stays as it is. */
  kill(): void;
}

/** A machine with more processes than that, each look finding new ones, is a fork bomb. */
const looksMax = 50;

export function machineAt(name: string, namespace: string, address: string): Machine {
  const pids = () =>
    run(['ip', 'netns', 'pids', namespace]).split('\n').filter(Boolean).map(Number);
  const signal = (kind: NodeJS.Signals) => {
    const reached = new Set<number>();
    for (let look = 0; look < looksMax; look += 1) {
      const fresh = pids().filter((pid) => !reached.has(pid));
      if (fresh.length === 0) return;
      for (const pid of fresh) {
        reached.add(pid);
        send(pid, kind);
      }
    }
    throw new Error(`machine ${name} starts processes faster than they can be signalled`);
  };
  return {
    name,
    address,
    prefix: ['ip', 'netns', 'exec', namespace],
    pids,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    kill: () => signal('SIGKILL'),
  };
}

function send(pid: number, kind: NodeJS.Signals): void {
  try {
    process.kill(pid, kind);
  } catch (cause) {
    // It ended between the look and the signal.
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')) throw cause;
  }
}
