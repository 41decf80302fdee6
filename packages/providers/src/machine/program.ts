/**
 * A program of this machine, run to its end.
 *
 * B1  every run is bounded: whoever does not end in time is ended with all it started in its group.
 * B2  input may be held back until the program asks for it: one that was given up never gets it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { troupeError } from '@troupe/model';

export interface ProgramInput {
  /** A file, or text. */
  readonly file?: string;
  readonly text?: string;
}

/** What the program prints to ask for its input, the word it gets first, and how it says its end. */
export interface Held {
  readonly asks: string;
  readonly word: string;
  readonly ends: string;
  /** Bound on the time until it asks; `msMax` counts from then on. */
  readonly msMax: number;
}

export interface ProgramRun {
  readonly msMax: number;
  readonly input?: ProgramInput;
  readonly held?: Held;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It did not end in time (B1), or printed more than anybody asked for. */
  readonly givenUp: boolean;
  /** Its input went out; always so where none was held back. */
  readonly went: boolean;
}

/** How long an end may take that was asked for, and one that was announced. */
const lingerMs = 2_000;
const outputLengthMax = 64 * 1024 * 1024;

/** A program that cannot be run here is an error. */
export async function runProgram(words: readonly string[], run: ProgramRun): Promise<ProgramEnd> {
  const [program = 'sh', ...args] = words;
  // It slows every start of Node down.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...env, LC_ALL: 'C' },
    // Ctrl-C is the caller's to decide on: what is half-way goes on to a whole end.
    detached: true,
  });
  try {
    return await endOf(child, run);
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const how = missing ? `there is no program ${program}` : `${program} does not run (${cause})`;
    throw troupeError('HOST_UNSUITABLE', `this machine: ${how}`, { program }, cause);
  }
}

function endOf(child: ChildProcess, { msMax, input = {}, held }: ProgramRun): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const said = { stdout: '', stderr: '' };
    let [givenUp, went] = [false, false];
    let timer: NodeJS.Timeout;
    const settle = (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      resolve({ code, signal, ...said, givenUp, went });
    };
    const leave = () => {
      signalGroup(child, 'SIGKILL');
      for (const stream of child.stdio) stream?.destroy();
      settle(null, null);
    };
    const giveUp = () => {
      givenUp = true;
      signalGroup(child, 'SIGTERM');
      timer = setTimeout(leave, lingerMs);
    };
    const within = (ms: number, then: () => void) => {
      clearTimeout(timer);
      timer = setTimeout(then, ms);
    };
    const go = () => {
      went = true;
      within(msMax, giveUp);
      feed(child, held?.word ?? '', input).catch(reject);
    };
    timer = setTimeout(giveUp, held?.msMax ?? msMax);
    const listen = (name: 'stdout' | 'stderr', heard: (from: number) => void) =>
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        if (givenUp) return;
        const from = said[name].length;
        said[name] += text;
        if (said[name].length > outputLengthMax) giveUp();
        else heard(from);
      });
    listen('stderr', () => undefined);
    listen('stdout', (from) => {
      if (held === undefined) return;
      const longest = Math.max(held.asks.length, held.ends.length);
      const fresh = said.stdout.slice(Math.max(0, from - longest));
      if (!went && fresh.includes(held.asks)) go();
      // What a login shell started beside it may hold the output open for ever.
      if (fresh.includes(held.ends)) within(lingerMs, leave);
    });
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(cause);
    });
    child.once('close', settle);
    if (held === undefined && child.pid !== undefined) go();
  });
}

async function feed(child: ChildProcess, word: string, input: ProgramInput): Promise<void> {
  if (child.stdin === null) return;
  child.stdin.on('error', () => undefined);
  if (word !== '') child.stdin.write(word);
  const { file, text = '' } = input;
  try {
    await pipeline(
      file === undefined ? Readable.from([text]) : createReadStream(file),
      child.stdin,
    );
  } catch (cause) {
    // A program need not read all it is given; its own end says what it came to.
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw cause;
  }
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}
