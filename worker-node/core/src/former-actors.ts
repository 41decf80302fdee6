/**
 * Actors as they were after a turn, each in a runner beside the actor as it is, for as long as one
 * read takes.
 *
 * FA1 each read is answered once: by its runner, or because that has ended.
 */
import {
  type ActorId,
  actorParts,
  type BundleHash,
  type Bytes,
  type Failure,
  type FromRunner,
  failure,
  isFailure,
  limits,
  type Outcome,
  sameActor,
} from '@troupe/model';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';
import type { Rolled } from './roll-forward.ts';

interface FormerRead {
  /** Under which the runner holds it. */
  readonly actor: ActorId;
  readonly bundle: BundleHash;
  readonly former: Rolled;
  readonly method: string;
  readonly args: Bytes;
}

interface Running extends FormerRead {
  readonly runner: RunnerId;
  readonly done: (outcome: Outcome) => void;
  work: number | undefined;
  /** Monotonic ms at which its runner must have answered. */
  readonly until: number;
}

/** Beyond its limit: then its runner does not stop, and is killed. */
const graceMs = 5_000;
/** Reads of the past at once on a node; others are refused. */
const readsMax = 64;

export class FormerActors {
  readonly #core: Core;
  readonly #running = new Set<Running>();

  constructor(core: Core) {
    this.#core = core;
  }

  read(read: FormerRead, done: (outcome: Outcome) => void): void {
    if (this.#running.size >= readsMax) {
      const text = `${readsMax} reads of former actors run on this node`;
      return done(failed(failure('RESOURCE_EXHAUSTED', text, { retryAfterMs: limits.resendMs })));
    }
    this.#core.runners.acquire(read.bundle, (got) => {
      if (typeof got === 'object') return isFailure(got) ? done(failed(got)) : undefined;
      const until = this.#core.now + this.#limitMs(read) + graceMs;
      const running: Running = { ...read, runner: got, done, work: undefined, until };
      this.#running.add(running);
      const { state, deltas } = read.former;
      const frame = { kind: 'activate', actor: read.actor, deltas } as const;
      this.#core.runners.frame(got, state === undefined ? frame : { ...frame, state });
    });
  }

  onFrame(frame: FromRunner, runner: RunnerId): boolean {
    const running = this.#of(frame, runner);
    if (running === undefined) return false;
    if (frame.kind === 'activated') this.#begin(running);
    if (frame.kind === 'activate-failed') this.#end(running, failed(frame.failure));
    if (frame.kind === 'turn-done') this.#end(running, frame.outcome);
    return true;
  }

  /** Every `resendMs`. */
  killOverdue(): void {
    const overdue = new Set<RunnerId>();
    for (const { until, runner } of this.#running) {
      if (this.#core.now >= until) overdue.add(runner);
    }
    for (const runner of overdue) this.#core.out.work({ kind: 'kill-runner', runner });
  }

  onRunnerExited(runner: RunnerId, reason: string): void {
    for (const running of [...this.#running]) {
      if (running.runner !== runner) continue;
      this.#running.delete(running);
      const text = `the runner ended under a read of ${sameActor(running.actor)}: ${reason}`;
      running.done(failed(failure('UNAVAILABLE', text)));
    }
  }

  #of(frame: FromRunner, runner: RunnerId): Running | undefined {
    if (this.#running.size === 0) return undefined;
    for (const running of this.#running) {
      if (running.runner !== runner) continue;
      if ('actor' in frame && frame.actor === running.actor) return running;
      if (frame.kind === 'turn-done' && frame.work === running.work) return running;
    }
    return undefined;
  }

  #begin(running: Running): void {
    const { runner, actor, method, args } = running;
    running.work = this.#core.turns.nextWork();
    const { tenant } = actorParts(sameActor(actor));
    this.#core.configs.give(runner, tenant, this.#core.configs.latest(tenant));
    this.#core.runners.frame(runner, {
      kind: 'turn',
      work: running.work,
      actor,
      method,
      args,
      read: true,
      callId: `${sameActor(actor)}/read`,
      recorded: [],
      limitMs: this.#limitMs(running),
    });
  }

  #limitMs({ bundle, actor }: FormerRead): number {
    return this.#core.runners.turnLimitMs(bundle, actorParts(actor).type) ?? limits.turnLimitMs;
  }

  #end(running: Running, outcome: Outcome): void {
    this.#running.delete(running);
    this.#core.runners.frame(running.runner, { kind: 'deactivate', actor: running.actor });
    this.#core.runners.release(running.runner);
    running.done(outcome);
  }
}

function failed(reason: Failure): Outcome {
  return { ok: false, failure: reason };
}
