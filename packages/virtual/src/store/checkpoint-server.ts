/** The last checkpoint of each actor, replaced by compare-and-set on its revision. */
import type { StoredCheckpoint } from '@troupe/fabric/ports';
import { type Bytes, decode, encode, limits } from '@troupe/model';
import type { CheckpointHead } from '@troupe/worker-node-core';
import { newerBody } from '../world/newer.ts';
import type { World } from '../world/world.ts';

interface Kept extends StoredCheckpoint {
  readonly id: string;
}

export class CheckpointServer {
  readonly #world: World;
  readonly #kept = new Map<string, Kept>();
  /** By key, the one that was replaced last. */
  readonly #before = new Map<string, Kept>();
  /** By key, all that are kept, the newest first. */
  readonly #versions = new Map<string, readonly Kept[]>();
  readonly #damaged = new Map<number, boolean>();
  #revisions = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** The new revision, or undefined when another one stands there. */
  put(
    key: string,
    put: {
      readonly body: Bytes;
      readonly expected: number;
      readonly id: string;
      /** Together with the one that it replaces. */
      readonly onTop: boolean;
    },
  ): number | undefined {
    const standing = this.#kept.get(key)?.revision ?? 0;
    if (standing !== put.expected && this.#world.mutant !== 'last-written-checkpoint-wins') {
      return undefined;
    }
    const { full, asker } = this.#world.requests;
    if (full) {
      this.#world.coverage.reach('the store is full');
      return undefined;
    }
    this.#revisions += 1;
    const revision = this.#revisions;
    const before = this.#kept.get(key);
    if (before !== undefined) this.#before.set(key, before);
    if (put.onTop) this.#world.coverage.reach('a rest is put on top of a checkpoint');
    const kept: Kept = {
      body: asker?.newer === true ? newerBody(put.body) : put.body,
      revision,
      id: put.id,
      ...(put.onTop && before !== undefined ? onTopOf(before) : {}),
    };
    this.#kept.set(key, kept);
    const versions = [kept, ...(this.#versions.get(key) ?? [])];
    this.#versions.set(key, versions.slice(0, limits.checkpointsKept));
    this.#world.trace?.checkpoint(put.id, key, revision, put.body);
    return revision;
  }

  drop(key: string): void {
    this.#kept.delete(key);
    this.#before.delete(key);
    this.#versions.delete(key);
  }

  /** Those that are kept, the newest first. */
  versions(key: string): readonly Kept[] {
    return this.#versions.get(key) ?? [];
  }

  /** Whether other bytes are read than were put. */
  isDamaged(key: string, revision: number): boolean {
    const { chance, timings } = this.#world;
    const known = this.#damaged.get(revision);
    if (known !== undefined) return known;
    const damaged = chance.fork(`${key} ${revision}`).chance(timings.damagedShare ?? 0);
    this.#damaged.set(revision, damaged);
    return damaged;
  }

  freeBefore(key: string, revision: number): void {
    if (this.#world.mutant === 'last-checkpoint-freed') return this.drop(key);
    const left = this.versions(key).filter((one) => one.revision >= revision);
    if (left.length > 0) this.#versions.set(key, left);
  }

  /** What stood there before is freed. */
  prune(key: string): void {
    if (this.#world.mutant === 'destroyed-state-is-used-again') return;
    this.#before.delete(key);
    this.#versions.set(key, this.versions(key).slice(0, 1));
  }

  dropUpTo(key: string, revision: number): void {
    if ((this.#kept.get(key)?.revision ?? 0) > revision) return;
    this.#kept.delete(key);
    this.#versions.delete(key);
  }

  get(key: string): Kept | undefined {
    return this.#kept.get(key);
  }

  /** What is read to bring this birth of an actor back. */
  read(key: string, birth: number): Kept | undefined {
    const kept = this.#kept.get(key);
    if (this.#world.mutant === 'destroyed-state-is-used-again') return this.#asIfOf(key, birth);
    if (this.#world.mutant !== 'older-checkpoint-read' || kept === undefined) return kept;
    const before = this.#before.get(key);
    return before === undefined ? undefined : { ...before, revision: kept.revision };
  }

  /** The last checkpoint of the one before, as if it were of this birth. */
  #asIfOf(key: string, birth: number): Kept | undefined {
    const kept = this.#kept.get(key);
    const before = this.#before.get(key);
    if (kept === undefined || before === undefined) return kept;
    if (decode<CheckpointHead>(kept.body).birth === birth) return kept;
    const body = encode({ ...decode<object>(before.body), birth });
    return { ...before, revision: kept.revision, body };
  }
}

function onTopOf({ body, revision }: Kept): Pick<Kept, 'base' | 'baseRevision'> {
  return { base: body, baseRevision: revision };
}
