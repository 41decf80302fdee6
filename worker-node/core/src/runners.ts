/**
 * Which runners there are for each bundle, and who waits for one.
 *
 * R1  a frame goes only to a runner that has said `runner-ready` and has not exited.
 */
import {
  type BundleHash,
  type Failure,
  failure,
  type Manifest,
  type ToRunner,
} from '@troupe/model';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';

interface Runner {
  readonly id: RunnerId;
  readonly bundle: BundleHash;
  /** Activations and tasks it holds. */
  load: number;
}

interface Pool {
  manifest: Manifest | undefined;
  /** What the methods of an actor type are: undefined for an unknown method. */
  readonly methods: Map<string, 'method' | 'read'>;
  readonly turnLimits: Map<string, number>;
  readonly waitsMs: Map<string, number>;
  readonly ready: Runner[];
  starting: number;
  waiting: ((got: RunnerId | Failure) => void)[];
}

export class Runners {
  readonly #core: Core;
  readonly #pools = new Map<BundleHash, Pool>();
  readonly #runners = new Map<RunnerId, Runner>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Calls `got` with the least loaded runner of the bundle, now or when one is ready. */
  acquire(bundle: BundleHash, got: (runner: RunnerId | Failure) => void): void {
    const pool = this.#pool(bundle);
    const missing = this.#core.config.runners - pool.ready.length - pool.starting;
    for (let i = 0; i < missing; i++) {
      pool.starting += 1;
      this.#core.out.work({ kind: 'start-runner', bundle });
    }
    const least = leastLoaded(pool.ready);
    if (least === undefined) {
      pool.waiting.push(got);
      return;
    }
    least.load += 1;
    got(least.id);
  }

  /** What was acquired is not needed any more. */
  release(id: RunnerId): void {
    const runner = this.#runners.get(id);
    if (runner !== undefined) runner.load -= 1;
  }

  isUp(id: RunnerId): boolean {
    return this.#runners.has(id);
  }

  onReady(id: RunnerId, bundle: BundleHash, manifest: Manifest): void {
    const pool = this.#pool(bundle);
    if (pool.starting > 0) pool.starting -= 1;
    if (pool.manifest === undefined) describe(pool, manifest);
    const runner: Runner = { id, bundle, load: 0 };
    this.#runners.set(id, runner);
    pool.ready.push(runner);
    const waiting = pool.waiting;
    pool.waiting = [];
    for (const got of waiting) this.acquire(bundle, got);
  }

  onBundleFailed(bundle: BundleHash, reason: Failure): void {
    const pool = this.#pool(bundle);
    if (pool.starting > 0) pool.starting -= 1;
    if (pool.ready.length > 0 || pool.starting > 0) return;
    const waiting = pool.waiting;
    pool.waiting = [];
    for (const got of waiting) got(reason);
  }

  /** True when the runner was known. */
  onExited(id: RunnerId): boolean {
    const runner = this.#runners.get(id);
    if (runner === undefined) return false;
    this.#runners.delete(id);
    const pool = this.#pool(runner.bundle);
    pool.ready.splice(pool.ready.indexOf(runner), 1);
    return true;
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

  /** Something speculative: it cannot leave the node. */
  frame(id: RunnerId, frame: ToRunner): void {
    this.#core.out.work({ kind: 'to-runner', runner: id, frame });
  }

  /** Something that lets user code act on the outside: waits for the append. */
  gatedFrame(id: RunnerId, frame: ToRunner): void {
    this.#core.out.send({ kind: 'to-runner', runner: id, frame });
  }

  #pool(bundle: BundleHash): Pool {
    let pool = this.#pools.get(bundle);
    if (pool === undefined) {
      pool = {
        manifest: undefined,
        methods: new Map(),
        turnLimits: new Map(),
        waitsMs: new Map(),
        ready: [],
        starting: 0,
        waiting: [],
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
  }
}

function leastLoaded(runners: readonly Runner[]): Runner | undefined {
  let least: Runner | undefined;
  for (const runner of runners) {
    if (least === undefined || runner.load < least.load) least = runner;
  }
  return least;
}
