/**
 * What is to be done when this process is gone without having done it, however it ended (even by
 * SIGKILL): a tiny shell waits on its standard input, which the kernel closes at our end.
 *
 * D1  the script runs only where nobody dismissed it.
 */
import { spawn } from 'node:child_process';

/** Answers how to dismiss it: then nothing of it is left. */
export function lastWill(script: string): () => void {
  const waits = `read -r word; [ "$word" = dismissed ] && exit 0\n${script}`;
  // A session of its own: the terminal's Ctrl-C must not reach it.
  const shell = spawn('/bin/sh', ['-c', waits], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without a shell there is no last will; an orderly end still works.
  shell.on('error', () => undefined);
  const { stdin } = shell;
  stdin?.on('error', () => undefined);
  shell.unref();
  if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return () => void stdin?.end('dismissed\n');
}
