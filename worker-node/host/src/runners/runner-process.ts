/**
 * One runner: the process in which the code of one bundle runs. Owns its pipe, its output and its
 * end; knows nothing of what the frames mean but `loaded` and `load-failed`.
 *
 * R3  frames handed in during one turn of the event loop leave in one write, in order.
 * R4  every frame that the runner wrote before its end is heard before its end.
 * R5  `ended` fires exactly once, and nothing is heard after it.
 * R6  what waits in the pipe is bounded: a runner that does not read is killed. A burst above
 *     `pipeBytesMax` may take `burstMs` to be read; `pipeBytesHardMax` is never passed for long.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Logger } from '@troupe/fabric';
import {
  type BundleHash,
  type FromRunner,
  failure,
  limits,
  type Manifest,
  type ToRunner,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { FrameReader, packFrames } from './frames.ts';
import { LineTap } from './output.ts';

/** Bytes that may wait in a runner's pipe for longer than a burst: two of the largest inputs. */
const pipeBytesMax = 2 * limits.resolvedBytesMax;
/** Bytes at which it is killed at once. */
const pipeBytesHardMax = 512 * 1024 * 1024;
/** How long a burst may take: then it was no burst. */
const burstMs = 3_000;

/** After a process has exited: how long its pipe may still give frames (its children may hold it). */
const lastFramesMs = 200;

export interface RunnerStart {
  /** For logs: number of the runner on its node. */
  readonly label: string;
  /** The script that is the runner. */
  readonly program: string;
  readonly bundle: BundleHash;
  readonly bundleFile: string;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly loadMs: number;
  readonly logger: Logger;
  /** What user code prints, as it may be logged. */
  scrub(text: string): string;
  /** Frames after `loaded`. */
  heard(frames: readonly FromRunner[]): void;
  ended(reason: string): void;
}

export class RunnerProcess {
  readonly #start: RunnerStart;
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  readonly #reader = new FrameReader<FromRunner>();
  readonly #stderr: LineTap | undefined;
  #outgoing: ToRunner[] = [];
  #exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  #killedFor: string | undefined;
  #ended = false;
  #burst: NodeJS.Timeout | undefined;
  #loading: { resolve(manifest: Manifest): void; reject(reason: Error): void } | undefined;
  /** The manifest once the bundle has loaded; rejects with `BUNDLE_LOAD_FAILED`. */
  readonly loaded: Promise<Manifest>;

  constructor(start: RunnerStart) {
    this.#start = start;
    this.#child = spawn(
      process.execPath,
      [
        `--max-old-space-size=${start.memoryMb}`,
        '--enable-source-maps',
        start.program,
        start.bundleFile,
        start.bundle,
      ],
      // A process group of its own: a Ctrl-C meant for the node must not end turns half-way.
      { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: start.environment, detached: true },
    );
    const pipe = this.#child.stdio[3];
    if (!(pipe instanceof Duplex)) throw new Error('fd 3 of a runner is a duplex pipe');
    this.#pipe = pipe;
    this.#stderr = this.#tapOutput();
    this.loaded = new Promise((resolve, reject) => {
      this.#loading = { resolve, reject };
    });
    // Whoever does not wait for it hears of the end by `ended`.
    this.loaded.catch(() => undefined);
    this.#listen();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Hands a frame to the runner; a no-op once it has ended. */
  send(frame: ToRunner): void {
    if (this.#ended) return;
    this.#outgoing.push(frame);
    if (this.#outgoing.length === 1) queueMicrotask(() => this.#write());
  }

  /** Ends the process, and what it started, with SIGKILL. */
  kill(why: string): void {
    this.#killedFor ??= why;
    const pid = this.#child.pid;
    if (pid === undefined || this.#exit !== undefined) return;
    killGroup(pid);
  }

  #write(): void {
    const frames = this.#outgoing;
    this.#outgoing = [];
    if (this.#ended || !this.#pipe.writable) return;
    this.#pipe.write(packFrames(frames));
    if (this.#pipe.writableLength > pipeBytesHardMax) this.#killUnread();
    else if (this.#pipe.writableLength > pipeBytesMax)
      this.#burst ??= setTimeout(this.#watch, burstMs);
  }

  readonly #watch = (): void => {
    this.#burst = undefined;
    if (this.#pipe.writableLength > pipeBytesMax) this.#killUnread();
  };

  #killUnread(): void {
    if (this.#ended) return;
    const held = Math.round(this.#pipe.writableLength / 1024 / 1024);
    this.#start.logger.error(
      { runner: this.#start.label, bundle: this.#start.bundle, heldMiB: held },
      'a runner does not read its pipe: it is killed, its turns run again',
    );
    this.kill(`it did not read: ${held} MiB waited in its pipe`);
  }

  #tapOutput(): LineTap | undefined {
    const { stdout, stderr } = this.#child;
    const { logger, label, bundle, scrub } = this.#start;
    const about = { runner: label, bundle: bundle.slice(0, 12) };
    if (stdout)
      new LineTap(stdout, (text) => logger.info({ ...about, stream: 'stdout' }, scrub(text)));
    if (stderr === null) return undefined;
    return new LineTap(stderr, (text) => logger.warn({ ...about, stream: 'stderr' }, scrub(text)));
  }

  #listen(): void {
    const overdue = setTimeout(() => {
      this.kill(`its bundle did not load within ${this.#start.loadMs} ms`);
    }, this.#start.loadMs);
    this.loaded.then(
      () => clearTimeout(overdue),
      () => clearTimeout(overdue),
    );
    this.#pipe.on('data', (chunk: Buffer) => this.#read(chunk));
    // A broken pipe is the end of the runner; its exit is what is reported.
    this.#pipe.on('error', (reason) => this.kill(`its pipe broke: ${reason.message}`));
    this.#pipe.on('close', () => this.#pipeClosed());
    this.#child.on('error', (reason) => {
      this.#exit ??= { code: null, signal: null };
      this.#killedFor ??= `it could not be started: ${reason.message}`;
      this.#end();
    });
    this.#child.on('exit', (code, signal) => {
      this.#exit = { code, signal };
      // What the runner started goes with it.
      if (this.#child.pid !== undefined) killGroup(this.#child.pid);
      if (this.#pipe.closed) this.#end();
      else setTimeout(() => this.#end(), lastFramesMs);
    });
  }

  #pipeClosed(): void {
    if (this.#exit !== undefined) this.#end();
    else this.kill('it closed its pipe');
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    let frames: FromRunner[];
    try {
      frames = this.#reader.push(chunk);
    } catch (reason) {
      this.kill(`it wrote what is no frame: ${reason instanceof Error ? reason.message : reason}`);
      return;
    }
    if (this.#loading !== undefined) frames = this.#awaitLoaded(frames);
    if (frames.length > 0) this.#start.heard(frames);
  }

  /** Takes the answer to loading out of the frames. */
  #awaitLoaded(frames: readonly FromRunner[]): FromRunner[] {
    const rest: FromRunner[] = [];
    for (const frame of frames) {
      if (frame.kind === 'loaded') {
        this.#loading?.resolve(frame.manifest);
        this.#loading = undefined;
      } else if (frame.kind === 'load-failed') {
        this.#loading?.reject(new TroupeError(frame.failure));
        this.#loading = undefined;
        this.kill('its bundle did not load');
      } else rest.push(frame);
    }
    return rest;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#burst);
    const reason = this.#reason();
    this.#pipe.destroy();
    const { bundle } = this.#start;
    this.#loading?.reject(
      troupeError(
        'BUNDLE_LOAD_FAILED',
        `bundle ${bundle} did not load: the runner ended: ${reason}`,
        {
          bundle,
        },
      ),
    );
    this.#loading = undefined;
    this.#start.ended(reason);
  }

  #reason(): string {
    const { code = null, signal = null } = this.#exit ?? {};
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const parts = this.#killedFor === undefined ? [how] : [this.#killedFor, how];
    const last = this.#start.scrub(this.#stderr?.last ?? '');
    if (last !== '') parts.push(`last words: ${last}`);
    return parts.join('; ');
  }
}

/** SIGKILL to the process group that `pid` leads. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (reason) {
    // Gone already: that is what was wanted.
    if (!(reason instanceof Error && 'code' in reason && reason.code === 'ESRCH')) throw reason;
  }
}

export const loadMsDefault: number = limits.bundleLoadMs;

/** The failure to report when a runner for `bundle` cannot be had. */
export function loadFailure(bundle: BundleHash, reason: unknown) {
  if (reason instanceof TroupeError) return reason.toFailure();
  const text = reason instanceof Error ? reason.message : String(reason);
  return failure('BUNDLE_LOAD_FAILED', `bundle ${bundle} did not load: ${text}`, { bundle });
}
