/**
 * Sees to it that nothing outlives the process that started a cluster, however that ends (even by
 * SIGKILL). The guard is a tiny shell that learns pids on its standard input; at its end, which the
 * kernel brings when our process is gone, it kills whatever it still knows.
 *
 * O1  a pid is known to the guard from its start until its exit is seen, and no longer.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Guard {
  /** Puts a running process under the guard. */
  watch(pid: number): void;
  /** The process has exited: its pid may belong to a stranger soon. */
  forget(pid: number): void;
  /** Ends the guard; what it still knows is killed. */
  close(): void;
}

const script = `
pids=' '
while read -r verb pid; do
  case "$verb" in
    watch) pids="$pids$pid " ;;
    forget) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
`;

export function startGuard(): Guard {
  // A session of its own: the terminal's Ctrl-C must not reach it.
  const shell: ChildProcess = spawn('/bin/sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const known = new Set<number>();
  // Without a shell the guard is gone; an orderly stop still works.
  shell.on('error', () => undefined);
  shell.stdin?.on('error', () => undefined);
  shell.unref();
  const stdin = shell.stdin;
  if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return {
    watch(pid) {
      known.add(pid);
      stdin?.write(`watch ${pid}\n`);
    },
    forget(pid) {
      if (known.delete(pid)) stdin?.write(`forget ${pid}\n`);
    },
    close() {
      stdin?.end();
    },
  };
}
