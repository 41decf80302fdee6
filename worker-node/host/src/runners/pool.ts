/**
 * The runners of a node, by number. Fetches bundles, starts processes, passes frames, reports ends.
 *
 * P1  a runner's number is never used again.
 * P2  each start is answered once: by `ready`, or by `failed`.
 * P3  `exited` follows every `ready`, and no frame of a runner is passed on after it.
 * P4  no runner outlives `stop`.
 */

import type { Logger } from '@troupe/fabric';
import type { BundleHash, Failure, FromRunner, Manifest, ToRunner } from '@troupe/model';
import type { RunnerId } from '@troupe/worker-node-core';
import type { BundleFiles } from './bundle-files.ts';
import { killGroup, loadFailure, loadMsDefault, RunnerProcess } from './runner-process.ts';
import type { Secrets } from './secrets.ts';

export interface PoolStart {
  readonly files: BundleFiles;
  readonly program: string;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Secrets;
  readonly loadMs?: number;
  readonly logger: Logger;
}

/** What the pool tells. */
export interface PoolEars {
  ready(runner: RunnerId, bundle: BundleHash, manifest: Manifest): void;
  failed(bundle: BundleHash, why: Failure): void;
  heard(runner: RunnerId, frames: readonly FromRunner[]): void;
  exited(runner: RunnerId, reason: string): void;
}

export class RunnerPool {
  readonly #start: PoolStart;
  readonly #ears: PoolEars;
  readonly #runners = new Map<RunnerId, RunnerProcess>();
  /** Every process that may live, ready or not. */
  readonly #processes = new Set<RunnerProcess>();
  #next: RunnerId = 1;
  #stopped = false;

  constructor(start: PoolStart, ears: PoolEars) {
    this.#start = start;
    this.#ears = ears;
  }

  /** Starts one runner for `bundle`. */
  start(bundle: BundleHash): void {
    const runner = this.#next++;
    let ended = false;
    // What a runner says before it counts as ready waits for that.
    const early: FromRunner[] = [];
    let ready = false;
    const begin = async () => {
      const { process, manifest } = await this.#launch(bundle, `${runner}`, {
        heard: (frames) => {
          if (ready) this.#ears.heard(runner, frames);
          else early.push(...frames);
        },
        ended: (reason) => {
          ended = true;
          if (!this.#runners.delete(runner) || this.#stopped) return;
          this.#ears.exited(runner, reason);
        },
      });
      if (this.#stopped || ended) throw new Error('the runner ended as soon as it had loaded');
      this.#runners.set(runner, process);
      this.#ears.ready(runner, bundle, manifest);
      ready = true;
      if (early.length > 0) this.#ears.heard(runner, early);
    };
    begin().catch((reason: unknown) => {
      if (this.#stopped) return;
      const why = loadFailure(bundle, reason);
      this.#start.logger.error({ bundle, code: why.code }, why.message);
      this.#ears.failed(bundle, why);
    });
  }

  /** Loads the bundle in a runner of its own, only to see what it declares. */
  async inspect(bundle: BundleHash): Promise<Manifest> {
    const { process, manifest } = await this.#launch(bundle, 'inspect', {
      heard: () => undefined,
      ended: () => undefined,
    });
    process.kill('its bundle was inspected');
    return manifest;
  }

  send(runner: RunnerId, frame: ToRunner): void {
    // A runner that is gone has been reported as `exited`: whoever sends will hear of it.
    const resolved = frame.kind === 'config' ? this.#start.secrets.resolved(frame) : frame;
    this.#runners.get(runner)?.send(resolved);
  }

  kill(runner: RunnerId, why: string): void {
    this.#runners.get(runner)?.kill(why);
  }

  get pids(): number[] {
    return [...this.#processes].flatMap((each) => (each.pid === undefined ? [] : [each.pid]));
  }

  /** Kills every runner; nothing is told any more. Synchronous: it also serves the exit handler. */
  stop(): void {
    this.#stopped = true;
    for (const pid of this.pids) killGroup(pid);
    this.#processes.clear();
    this.#runners.clear();
  }

  async #launch(
    bundle: BundleHash,
    label: string,
    ears: { heard(frames: readonly FromRunner[]): void; ended(reason: string): void },
  ): Promise<{ process: RunnerProcess; manifest: Manifest }> {
    const { files, program, memoryMb, environment, secrets, loadMs, logger } = this.#start;
    const bundleFile = await files.file(bundle);
    if (this.#stopped) throw new Error('the node is stopping');
    const process: RunnerProcess = new RunnerProcess({
      label,
      program,
      bundle,
      bundleFile,
      memoryMb,
      environment,
      loadMs: loadMs ?? loadMsDefault,
      logger,
      scrub: (text) => secrets.scrub(text),
      heard: ears.heard,
      ended: (reason) => {
        this.#processes.delete(process);
        ears.ended(reason);
      },
    });
    this.#processes.add(process);
    return { process, manifest: await process.loaded };
  }
}
