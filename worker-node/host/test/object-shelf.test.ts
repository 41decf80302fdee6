import { type OutputStore, sha256, silentLogger } from '@troupe/fabric';
import {
  type Bytes,
  type Failure,
  limits,
  type ObjectBody,
  type StoredObject,
  type TaskId,
  taskId,
  troupeError,
} from '@troupe/model';
import { expect, test } from 'vitest';
import { ObjectShelf } from '../src/object-shelf.ts';

/** A store in memory, that can be away. */
class Store implements OutputStore {
  readonly bodies = new Map<number, Bytes>();
  reads: number[] = [];
  away = false;

  async put(object: number, body: Bytes): Promise<StoredObject> {
    if (this.away) throw troupeError('UNAVAILABLE', 'the store is away');
    this.bodies.set(object, body);
    return { object, hash: sha256(body), bytes: body.length };
  }
  async get({ object }: StoredObject): Promise<Bytes> {
    this.reads.push(object);
    const body = this.bodies.get(object);
    if (body === undefined) throw troupeError('OBJECT_CORRUPT', `object ${object} is not there`);
    return body;
  }
  async delete(): Promise<void> {}
  async list(): Promise<readonly number[]> {
    return [];
  }
}

type Told = { stored?: StoredObject; objects?: readonly ObjectBody[]; failure?: Failure };

function scene(keptBytesMax = 1_000) {
  const store = new Store();
  const waiting = new Map<TaskId, (told: Told) => void>();
  const tell = (task: TaskId, told: Told) => waiting.get(task)?.(told);
  const shelf = new ObjectShelf({
    outputs: store,
    keptBytesMax,
    logger: silentLogger,
    now: () => performance.now(),
    stored: (task, _attempt, stored) => tell(task, { stored }),
    read: (task, _attempt, objects) => tell(task, { objects }),
    failed: (task, _attempt, failure) => tell(task, { failure }),
  });
  let tasks = 0;
  const ask = (order: (task: TaskId) => void) =>
    new Promise<Told>((resolve) => {
      const task = taskId(`t${++tasks}`);
      waiting.set(task, resolve);
      order(task);
    });
  const put = (object: number, body: Bytes) =>
    ask((task) => shelf.put({ kind: 'put-object', task, attempt: 1, object, body }));
  const read = (...objects: StoredObject[]) =>
    ask((task) => shelf.read({ kind: 'read-objects', task, attempt: 1, objects }));
  return { store, shelf, put, read };
}

const body = (fill: number, bytes = 400) => new Uint8Array(bytes).fill(fill);
const known = (object: number, bytes = 400) => ({
  object,
  hash: sha256(body(object, bytes)),
  bytes,
});

test('what a node has made or read is read no second time', async () => {
  const { store, put, read } = scene();
  expect((await put(1, body(1))).stored).toEqual(known(1));
  expect((await read(known(1))).objects).toEqual([{ object: 1, body: body(1) }]);
  expect(store.reads).toEqual([]);
  store.bodies.set(2, body(2));
  await read(known(2), known(1));
  await read(known(1), known(2));
  expect(store.reads).toEqual([2]);
});

test('what is kept is bounded by bytes, and the object longest not used goes first', async () => {
  const { store, shelf, put, read } = scene(1_000);
  for (const object of [1, 2]) await put(object, body(object));
  await read(known(1));
  await put(3, body(3));
  expect(shelf.keptBytes).toBe(800);
  await read(known(1), known(3));
  expect(store.reads).toEqual([]);
  await read(known(2));
  expect(store.reads).toEqual([2]);
  await put(4, body(4, 2_000));
  expect(shelf.keptBytes).toBe(800);
});

test('a store that is away fails the attempt with UNAVAILABLE, a damaged object with its number', async () => {
  const { store, put, read } = scene();
  store.away = true;
  expect((await put(1, body(1))).failure?.code).toBe('UNAVAILABLE');
  store.away = false;
  const { failure } = await read(known(9));
  expect([failure?.code, failure?.message]).toEqual([
    'OBJECT_CORRUPT',
    expect.stringContaining('object 9'),
  ]);
  expect(limits.objectMs).toBeLessThan(limits.taskLimitMs);
});
