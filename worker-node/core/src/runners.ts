/**
 * Which runners there are for each bundle, and who waits for one.
 *
 * R1  a frame goes only to a runner that has said `runner-ready` and has not exited.
 * R2  those of a bundle end when nothing was at them for `runnersIdleMs`, but not those of the bundle that was used
 *     last: a node that rests answers as fast as before.
 */
import {
  type BundleHash,
  builtInBundle,
  builtInManifest,
  type Failure,
  failure,
  type LetterTries,
  type Manifest,
  type ReadGroup,
  type RestartPolicy,
  type ToRunner,
} from '@troupe/model';
import { builtInRunner } from './built-ins.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';

interface Runner {
  readonly id: RunnerId;
  readonly bundle: BundleHash;
  /** Activations and tasks it holds. */
  load: number;
  /** How many it has ever held. */
  held: number;
}

interface Pool {
  manifest: Manifest | undefined;
  /** What the methods of an actor type are: undefined for an unknown method. */
  readonly methods: Map<string, 'method' | 'read'>;
  readonly turnLimits: Map<string, number>;
  readonly waitsMs: Map<string, number>;
  /** The group of each read that is of one. */
  readonly groups: Map<string, ReadGroup>;
  readonly healthMs: Map<string, number>;
  readonly restarts: Map<string, RestartPolicy>;
  readonly ready: Runner[];
  starting: number;
  /** Those for trials. */
  startingApart: number;
  waiting: ((got: RunnerId | Failure) => void)[];
  /** When something last was at it. */
  usedAt: number;
}

const runnersIdleMsDefault = 600_000;

export class Runners {
  readonly #core: Core;
  readonly #pools = new Map<BundleHash, Pool>();
  readonly #runners = new Map<RunnerId, Runner>();
  /** Of the bundle that was used last. */
  #latest: Pool | undefined;

  constructor(core: Core) {
    this.#core = core;
    this.onReady(builtInRunner, builtInBundle, builtInManifest);
  }

  /** Calls `got` with the least loaded runner of the bundle, now or when one is ready. */
  acquire(bundle: BundleHash, got: (runner: RunnerId | Failure) => void, avoided?: RunnerId): void {
    const pool = this.#pool(bundle);
    this.#used(pool);
    const runners = bundle === builtInBundle ? 1 : this.#core.config.runners;
    const missing = runners - pool.ready.length - pool.starting;
    for (let i = 0; i < missing; i++) {
      pool.starting += 1;
      this.#core.out.work({ kind: 'start-runner', bundle });
    }
    const others = pool.ready.filter(({ id }) => id !== avoided);
    const least = leastLoaded(others.length > 0 ? others : pool.ready);
    if (least === undefined) {
      pool.waiting.push(got);
      return;
    }
    this.enter(least.id);
    got(least.id);
  }

  /** One more runner, in which nothing is but what is tried. */
  startApart(bundle: BundleHash): void {
    this.#pool(bundle).startingApart += 1;
    this.#core.out.work({ kind: 'start-runner', bundle });
  }

  /** An activation or a task is going to be at this runner. */
  enter(id: RunnerId): void {
    const runner = this.#runners.get(id);
    if (runner === undefined) return;
    this.#used(this.#pool(runner.bundle));
    runner.load += 1;
    runner.held += 1;
  }

  /** Ends a runner that holds nothing. */
  end(id: RunnerId): void {
    this.#runners.delete(id);
    this.#core.configs.runnerGone(id);
    this.#core.out.work({ kind: 'end-runner', runner: id });
  }

  /** What was acquired is not needed any more. */
  release(id: RunnerId): void {
    const runner = this.#runners.get(id);
    if (runner === undefined) return;
    this.#used(this.#pool(runner.bundle));
    runner.load -= 1;
  }

  /** Every `resendMs`: ends those of bundles that nothing uses any more (R2). */
  tick(): void {
    const { runnersIdleMs = runnersIdleMsDefault } = this.#core.config;
    for (const [bundle, pool] of this.#pools) {
      if (bundle === builtInBundle) continue;
      if (isBusy(pool)) this.#used(pool);
    }
    for (const [bundle, pool] of this.#pools) {
      if (bundle === builtInBundle || pool === this.#latest || isBusy(pool)) continue;
      if (this.#core.now - pool.usedAt < runnersIdleMs) continue;
      for (const { id } of pool.ready.splice(0)) {
        this.#core.arrivals.onRunnerExited(id);
        this.end(id);
      }
    }
  }

  isUp(id: RunnerId): boolean {
    return this.#runners.has(id);
  }

  onReady(id: RunnerId, bundle: BundleHash, manifest: Manifest): void {
    const pool = this.#pool(bundle);
    if (pool.manifest === undefined) describe(pool, manifest);
    const runner: Runner = { id, bundle, load: 0, held: 0 };
    this.#runners.set(id, runner);
    // One is like the other until something is in it.
    if (pool.starting === 0 && pool.startingApart > 0) {
      pool.startingApart -= 1;
      return this.#core.trials.onReady(id, bundle);
    }
    if (pool.starting > 0) pool.starting -= 1;
    pool.ready.push(runner);
    const waiting = pool.waiting;
    pool.waiting = [];
    for (const got of waiting) this.acquire(bundle, got);
  }

  onBundleFailed(bundle: BundleHash, reason: Failure): void {
    const pool = this.#pool(bundle);
    if (pool.starting === 0 && pool.startingApart > 0) {
      pool.startingApart -= 1;
      return this.#core.trials.onBundleFailed(bundle, reason, pool.ready.length > 0);
    }
    if (pool.starting > 0) pool.starting -= 1;
    if (pool.ready.length > 0 || pool.starting > 0) return;
    const waiting = pool.waiting;
    pool.waiting = [];
    for (const got of waiting) got(reason);
  }

  /** What it was, if it was known. */
  onExited(id: RunnerId): Pick<Runner, 'bundle' | 'held'> | undefined {
    const runner = this.#runners.get(id);
    if (runner === undefined) return undefined;
    this.#runners.delete(id);
    const { ready } = this.#pool(runner.bundle);
    const index = ready.indexOf(runner);
    if (index >= 0) ready.splice(index, 1);
    return runner;
  }

  methodKind(bundle: BundleHash, type: string, method: string): 'method' | 'read' | Failure {
    const kind = this.#pool(bundle).methods.get(`${type}.${method}`);
    if (kind !== undefined) return kind;
    return failure(
      'UNKNOWN_METHOD',
      `actor type ${type} has no method "${method}" in bundle ${bundle.slice(0, 12)}, with which ` +
        'this actor was placed; it takes a newer bundle when its node is drained',
    );
  }

  turnLimitMs(bundle: BundleHash, type: string): number | undefined {
    return this.#pool(bundle).turnLimits.get(type);
  }

  /** How long turns of a type may wait for signals while others await them. */
  waitsMs(bundle: BundleHash, type: string): number {
    return this.#pool(bundle).waitsMs.get(type) ?? 0;
  }

  /** How often letters to a method are tried, as its type declares. */
  letterTries(bundle: BundleHash, type: string, method: string): LetterTries | undefined {
    const { actors = [] } = this.#pool(bundle).manifest ?? {};
    const declared = actors.find((actor) => actor.type === type);
    return declared?.lettersOf?.[method] ?? declared?.letters;
  }

  /** How often actors of a type are asked whether they are well, if they are. */
  healthMs(bundle: BundleHash, type: string): number | undefined {
    return this.#pool(bundle).healthMs.get(type);
  }

  /** What becomes of actors of a type that fail again and again, if it says so; unknown where no runner has had
   *  the bundle. */
  restartOf(bundle: BundleHash, type: string): RestartPolicy | undefined {
    return this.#pool(bundle).restarts.get(type);
  }

  /** Of which only so many run at once. */
  groupOf(bundle: BundleHash, type: string, read: string): ReadGroup | undefined {
    return this.#pool(bundle).groups.get(`${type}.${read}`);
  }

  /** Something speculative: it cannot leave the node. */
  frame(id: RunnerId, frame: ToRunner): void {
    if (id === builtInRunner) return this.#core.builtIns.take(frame);
    this.#core.out.work({ kind: 'to-runner', runner: id, frame });
  }

  /** Something that lets user code act on the outside: waits for the append. */
  gatedFrame(id: RunnerId, frame: ToRunner): void {
    this.#core.out.send({ kind: 'to-runner', runner: id, frame });
  }

  #used(pool: Pool): void {
    pool.usedAt = this.#core.now;
    if (pool !== this.#pools.get(builtInBundle)) this.#latest = pool;
  }

  #pool(bundle: BundleHash): Pool {
    let pool = this.#pools.get(bundle);
    if (pool === undefined) {
      pool = {
        manifest: undefined,
        methods: new Map(),
        turnLimits: new Map(),
        waitsMs: new Map(),
        groups: new Map(),
        healthMs: new Map(),
        restarts: new Map(),
        ready: [],
        starting: 0,
        startingApart: 0,
        waiting: [],
        usedAt: this.#core.now,
      };
      this.#pools.set(bundle, pool);
    }
    return pool;
  }
}

function describe(pool: Pool, manifest: Manifest): void {
  pool.manifest = manifest;
  for (const actor of manifest.actors) {
    for (const method of actor.methods) pool.methods.set(`${actor.type}.${method}`, 'method');
    for (const read of actor.reads) pool.methods.set(`${actor.type}.${read}`, 'read');
    if (actor.turnLimitMs !== undefined) pool.turnLimits.set(actor.type, actor.turnLimitMs);
    if (actor.waitsMs !== undefined) pool.waitsMs.set(actor.type, actor.waitsMs);
    if (actor.healthMs !== undefined) pool.healthMs.set(actor.type, actor.healthMs);
    if (actor.restart !== undefined) pool.restarts.set(actor.type, actor.restart);
    for (const group of actor.groups ?? []) {
      for (const read of group.reads) pool.groups.set(`${actor.type}.${read}`, group);
    }
  }
}

function isBusy({ ready, starting, startingApart, waiting }: Pool): boolean {
  if (starting + startingApart + waiting.length > 0) return true;
  return ready.some(({ load }) => load > 0);
}

function leastLoaded(runners: readonly Runner[]): Runner | undefined {
  let least: Runner | undefined;
  for (const runner of runners) {
    if (least === undefined || runner.load < least.load) least = runner;
  }
  return least;
}
