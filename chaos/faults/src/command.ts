/** Programs of the system that make and break machines. They answer at once: we wait for them. */
import { execFileSync } from 'node:child_process';

/** Standard output of the program; its words are the error's when it fails. */
export function run(words: readonly string[], input = ''): string {
  const [program = '', ...args] = words;
  return execFileSync(program, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Runs what may have nothing left to do; tells whether it did. */
export function tryRun(words: readonly string[]): boolean {
  try {
    run(words);
    return true;
  } catch {
    // Gone already, or never there: that is what the caller asks.
    return false;
  }
}
