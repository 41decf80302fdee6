/**
 * Large values on their way through a node: outputs are put into the object store, and what inputs
 * refer to is read from it. What passed lately stays in memory, so that a block which runs where
 * another one has made its input reads nothing.
 *
 * B1  each put and each read is answered once, in bounded time.
 * B2  what is kept is bounded by bytes; the object longest not used goes first.
 * B3  what is read at once is bounded: the others wait, within their own time.
 */
import { type Logger, type OutputStore, Slots } from '@troupe/fabric';
import {
  type Bytes,
  type Failure,
  failureOf,
  limits,
  type ObjectBody,
  type StoredObject,
  type TaskId,
  troupeError,
} from '@troupe/model';
import type { NodeSend, NodeWork } from '@troupe/worker-node-core';

export type PutObject = Extract<NodeSend, { kind: 'put-object' }>;
export type ReadObjects = Extract<NodeWork, { kind: 'read-objects' }>;

export interface ObjectShelfStart {
  readonly outputs: OutputStore;
  readonly keptBytesMax: number;
  readonly logger: Logger;
  now(): number;
  stored(task: TaskId, attempt: number, stored: StoredObject): void;
  read(task: TaskId, attempt: number, objects: readonly ObjectBody[]): void;
  failed(task: TaskId, attempt: number, failure: Failure): void;
}

/** Attempts whose objects are put or read at once. */
const worksMax = 4;

export class ObjectShelf {
  readonly #start: ObjectShelfStart;
  readonly #slots = new Slots(worksMax);
  /** By number, the one longest not used first. */
  readonly #kept = new Map<number, Bytes>();
  #keptBytes = 0;

  constructor(start: ObjectShelfStart) {
    this.#start = start;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  put({ task, attempt, object, body }: PutObject): void {
    this.#work(task, attempt, async (leftMs) => {
      const stored = await this.#start.outputs.put(object, body, leftMs());
      this.#keep(object, body);
      this.#start.stored(task, attempt, stored);
    });
  }

  read({ task, attempt, objects }: ReadObjects): void {
    this.#work(task, attempt, async (leftMs) => {
      const bodies: ObjectBody[] = [];
      for (const stored of objects) {
        const { object } = stored;
        const body = this.#kept.get(object) ?? (await this.#start.outputs.get(stored, leftMs()));
        this.#keep(object, body);
        bodies.push({ object, body });
      }
      this.#start.read(task, attempt, bodies);
    });
  }

  #work(task: TaskId, attempt: number, act: (leftMs: () => number) => Promise<void>): void {
    const until = this.#start.now() + limits.objectMs;
    const leftMs = () => {
      const left = until - this.#start.now();
      if (left > 0) return left;
      const what = `the objects of attempt ${attempt} of task "${task}" took too long`;
      throw troupeError('UNAVAILABLE', what, { task, attempt });
    };
    this.#slots
      .run(() => act(leftMs))
      .catch((reason: unknown) => {
        const failure = failureOf(reason);
        this.#start.logger.warn({ task, attempt, code: failure.code }, failure.message);
        this.#start.failed(task, attempt, failure);
      });
  }

  /** B2 */
  #keep(object: number, body: Bytes): void {
    const known = this.#kept.get(object);
    if (known !== undefined) {
      this.#kept.delete(object);
      this.#keptBytes -= known.length;
    }
    if (body.length > this.#start.keptBytesMax) return;
    this.#kept.set(object, body);
    this.#keptBytes += body.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#keptBytes <= this.#start.keptBytesMax) return;
      this.#kept.delete(oldest);
      this.#keptBytes -= length;
    }
  }
}
