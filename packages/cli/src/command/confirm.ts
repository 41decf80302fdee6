/** Asks a person before something is done that cannot be taken back. */
import { createInterface } from 'node:readline/promises';
import { TroupeError } from '@troupe/model';
import { UsageError } from './exit-code.ts';

/** Returns when it was agreed to, by `--yes` or at the terminal. */
export async function confirm(what: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(`there is no terminal to ask at; give --yes for ${what}`);
  }
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await Promise.race([
      asked.question(`${what}. Go on? [y/N] `),
      new Promise<string>((resolve) => asked.once('close', () => resolve(''))),
    ]);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    asked.close();
  }
  throw new TroupeError({ code: 'CANCELLED', message: 'nothing was done' });
}
