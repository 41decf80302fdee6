/** The shell of this machine. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Shell, type ShellEnd, type ShellInput, scriptResult } from './shell.ts';

/** `prefix` goes before every command, such as `ip netns exec NAME`. */
export function localShell(prefix: readonly string[] = []): Shell {
  const place = 'this machine';
  return {
    place,
    async run(script, args, input) {
      const words = [...prefix, 'sh', '-c', script, 'troupe', ...args.map(String)];
      return scriptResult(place, await runProgram(words, input));
    },
  };
}

/** Runs a program to its end; a program that does not exist rejects. */
export function runProgram(words: readonly string[], input: ShellInput = {}): Promise<ShellEnd> {
  const [program = 'sh', ...args] = words;
  // It slows every start of Node down.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...env, LC_ALL: 'C' },
      // Ctrl-C is the caller's to decide on: what is half-way goes on to a whole end.
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    const source =
      input.file === undefined ? Readable.from([input.text ?? '']) : createReadStream(input.file);
    pipeline(source, child.stdin).catch((cause: NodeJS.ErrnoException) => {
      // A script need not read all it is given; its own end says what it came to.
      if (cause.code !== 'EPIPE' && cause.code !== 'ERR_STREAM_PREMATURE_CLOSE') reject(cause);
    });
  });
}
