/**
 * Actors that another node is about to hand over to this one: their bundle is loaded, their checkpoint read
 * ahead, and its state built by the runner that they will be at. A hint; whatever is missing is done when they
 * are placed here.
 *
 *   prepare ─▶ runner is up ─▶ checkpoint is read ─▶ runner has built its state ─▶ ready ─▶ (placed) taken
 *
 * R2  at most `comingMax` are prepared for; the sender of another one hears at once that nothing more
 *     is to be waited for.
 * R3  what runners have built ahead is of `limits.builtAheadBytesMax` together, and is dropped when nobody came.
 * R4  what was built is used only for the very checkpoint that the actor is brought back by.
 * R5  what was handed over is taken for what stands in the store only where the leader says that the placement
 *     follows on that release: then nobody else can have written since.
 */
import {
  type ActorId,
  builtInBundle,
  type FromRunner,
  type HandedOver,
  limits,
  type Prepare,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import { wholeStateOf } from './checkpoint.ts';
import type { Core } from './core.ts';
import type { ReadCheckpoint, RunnerId } from './events.ts';

type BuiltAhead = Extract<FromRunner, { kind: 'built-ahead' }>;

/** At this runner the state of a whole checkpoint is built, or is being built. */
interface Ahead {
  readonly runner: RunnerId;
  readonly revision: number;
  readonly bytes: number;
  readonly checkpoint: ReadCheckpoint;
}

interface Coming {
  prepare: Prepare;
  ready: boolean;
  readonly since: number;
  /** Where it will be. */
  runner: RunnerId | undefined;
  ahead: Ahead | undefined;
  /** By what it was released. */
  handed: ReadCheckpoint | undefined;
}

const comingMax = 1_024;
/** Who has not come so long after is not waited for. */
const comingMs = 60_000;

export class Arrivals {
  readonly #core: Core;
  /** The oldest first. */
  readonly #coming = new Map<ActorId, Coming>();
  #bytesAhead = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  onPrepare(prepare: Prepare): void {
    const { actor, epoch, bundle } = prepare;
    const known = this.#coming.get(actor);
    const isAsKnown = known?.prepare.epoch === epoch && known.prepare.bundle === bundle;
    if (known !== undefined && (isAsKnown || known.prepare.epoch > epoch)) {
      if (known.ready || !isAsKnown) this.#answer(prepare);
      return;
    }
    // It is not known, or it was upgraded since: its state is for a runner of the other bundle now.
    // It has come already.
    if ((this.#core.actors.get(actor)?.epoch ?? 0) > epoch) return this.#answer(prepare);
    if (known === undefined && this.#coming.size >= comingMax) return this.#answer(prepare);
    if (known !== undefined) this.#forget(known);
    const { now } = this.#core;
    const coming: Coming = {
      prepare,
      ready: false,
      since: now,
      runner: undefined,
      ahead: undefined,
      handed: undefined,
    };
    this.#coming.set(actor, coming);
    this.#core.runners.acquire(bundle, (got) => {
      if (typeof got === 'number') {
        this.#core.runners.release(got);
        coming.runner = got;
      }
      if (this.#coming.get(actor) !== coming) return;
      this.#core.out.work({ kind: 'read-ahead', actor, epoch });
    });
  }

  /** It was read, or cannot be: that will be told when it is placed. */
  onReadAhead(actor: ActorId, epoch: number, checkpoint: ReadCheckpoint | undefined): void {
    const coming = this.#coming.get(actor);
    if (coming?.prepare.epoch !== epoch || coming.ready) return;
    if (checkpoint === undefined || !this.#build(coming, checkpoint)) this.#isReady(coming);
  }

  onBuilt({ actor, revision, kept }: BuiltAhead, runner: RunnerId): void {
    const coming = this.#coming.get(actor);
    if (coming?.ahead?.runner !== runner || coming.ahead.revision !== revision) return;
    if (!kept) this.#lose(coming);
    if (!coming.ready) this.#isReady(coming);
  }

  onHandedOver({ actor, epoch, revision, rest }: HandedOver): void {
    const coming = this.#coming.get(actor);
    const read = coming?.ahead?.checkpoint;
    if (coming?.prepare.epoch !== epoch || read === undefined) return;
    if (rest === undefined) coming.handed = read.revision === revision ? read : undefined;
    else if (rest.on === read.revision && read.base === undefined) {
      const { body, on } = rest;
      coming.handed = { body, revision, base: read.body, baseRevision: on };
    }
  }

  /** The checkpoint by which it comes, where that is certain without a look into the store (R5). */
  handedOver({ id, follows, chain, lived, seed }: Activation): ReadCheckpoint | undefined {
    const coming = this.#coming.get(id);
    if (coming === undefined || coming.prepare.epoch !== follows) return undefined;
    return lived || chain.length > 0 || seed !== undefined ? undefined : coming.handed;
  }

  onRunnerExited(runner: RunnerId): void {
    for (const coming of this.#coming.values()) {
      if (coming.runner !== runner) continue;
      coming.runner = undefined;
      coming.handed = undefined;
      if (coming.ahead === undefined) continue;
      this.#lose(coming);
      if (!coming.ready) this.#isReady(coming);
    }
  }

  /** It comes into memory: where its state was built ahead, if it was. It is used now or never. */
  take({ id, bundle, trial, avoids }: Activation): Ahead | undefined {
    const coming = this.#coming.get(id);
    const ahead = coming?.ahead;
    if (coming === undefined) return undefined;
    const fits = coming.prepare.bundle === bundle && trial === undefined;
    if (ahead === undefined || !fits || ahead.runner === avoids) {
      this.#forget(coming);
      return undefined;
    }
    this.#lose(coming);
    this.#coming.delete(id);
    return ahead;
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const coming of this.#coming.values()) {
      if (this.#core.now - coming.since < comingMs) return;
      this.#forget(coming);
    }
  }

  /** R3; false when there is nothing to build, or no room. */
  #build(coming: Coming, checkpoint: ReadCheckpoint): boolean {
    const { body, revision, base, baseRevision } = checkpoint;
    const { runner, prepare } = coming;
    const of = base === undefined ? revision : baseRevision;
    if (runner === undefined || of === undefined || prepare.bundle === builtInBundle) return false;
    const state = wholeStateOf(base ?? body);
    if (state === undefined) return false;
    if (this.#bytesAhead + state.length > limits.builtAheadBytesMax) return false;
    const { actor } = prepare;
    coming.ahead = { runner, revision: of, bytes: state.length, checkpoint };
    this.#bytesAhead += state.length;
    this.#core.runners.frame(runner, { kind: 'build-ahead', actor, revision: of, state });
    return true;
  }

  #forget(coming: Coming): void {
    const { actor } = coming.prepare;
    if (coming.ahead !== undefined) {
      this.#core.runners.frame(coming.ahead.runner, { kind: 'drop-ahead', actor });
    }
    this.#lose(coming);
    if (this.#coming.get(actor) === coming) this.#coming.delete(actor);
  }

  #lose(coming: Coming): void {
    this.#bytesAhead -= coming.ahead?.bytes ?? 0;
    coming.ahead = undefined;
  }

  #isReady(coming: Coming): void {
    coming.ready = true;
    this.#answer(coming.prepare);
  }

  #answer({ actor, epoch, from }: Prepare): void {
    this.#core.out.send({
      kind: 'to-node',
      node: from,
      message: { kind: 'prepared', actor, epoch },
    });
  }
}
