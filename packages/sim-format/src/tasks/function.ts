/** Code of a user, as a block of Sim holds it: the body of an async function. */
import { type TaskContext, task } from '@troupe/sdk';

export interface FunctionInput {
  readonly code: {
    readonly text: string;
    /** What its references stand for, by name. */
    readonly values: { readonly [name: string]: unknown };
  };
}

export interface FunctionOutput {
  readonly result: unknown;
  /** What it said on its console. */
  readonly stdout: string;
}

type Body = (...values: unknown[]) => Promise<unknown>;

/** The constructor of async functions has no name of its own. */
const AsyncFunction = (async () => undefined).constructor as new (...parts: string[]) => Body;
const stdoutMax = 64 * 1024;

export const functionTask = task<FunctionInput, FunctionOutput>(
  'function',
  async (c: TaskContext, { code }: FunctionInput): Promise<FunctionOutput> => {
    let stdout = '';
    const say = (...words: unknown[]) => {
      const line = words
        .map((word) => (typeof word === 'string' ? word : JSON.stringify(word)))
        .join(' ');
      if (stdout.length < stdoutMax) stdout += `${line}\n`;
      c.log(line);
    };
    const console = { log: say, info: say, warn: say, error: say, debug: say };
    const names = Object.keys(code.values);
    const run = new AsyncFunction('environment', 'console', ...names, code.text);
    const result = await run(process.env, console, ...names.map((name) => code.values[name]));
    return { result: result === undefined ? null : result, stdout };
  },
  { retries: 0 },
);
