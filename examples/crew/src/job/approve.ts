/** The person at the terminal who approves what is published. */
import { createInterface } from 'node:readline/promises';
import type { Approval } from '../contract.ts';

export interface Person {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

const terminalPerson = 'the person at the terminal';
const yes: ReadonlySet<string> = new Set(['y', 'yes']);
const no: ReadonlySet<string> = new Set(['n', 'no']);

/** Asks until the answer is yes or no; the end of the input is a no. */
export async function askPerson(question: string, person: Person): Promise<Approval> {
  const { input, output, signal } = person;
  const lines = createInterface({ input, output });
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('no')));
  // Ctrl-C at the prompt reaches the interface, not the process.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    for (;;) {
      const asked = lines.question(`${question} [y/n] `, { signal });
      const said = (await Promise.race([asked, ended])).trim().toLowerCase();
      if (yes.has(said)) return { approved: true, by: terminalPerson };
      if (no.has(said)) return { approved: false, by: terminalPerson };
    }
  } finally {
    lines.close();
  }
}
