/** Versions of actors in a test cluster: kept by the nodes, read from the store by whoever asks. */
import { actor, type Checkpoint } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Shelf = actor('Shelf', {
  state: () => ({ books: [] as string[] }),
  methods: {
    put(c, book: string) {
      c.state.books.push(book);
      return c.state.books.length;
    },
  },
  reads: { books: (c) => c.state.books },
});

/** As it was once, and the same by another bundle. */
const Shelf2 = actor('Shelf', {
  version: 2,
  state: () => ({ titles: [] as string[] }),
  migrate: ({ books }: { books: string[] }) => ({ titles: books }),
  methods: {
    put(c, book: string) {
      c.state.titles.push(book);
      return c.state.titles.length;
    },
  },
  reads: { books: (c) => c.state.titles },
});
const Box = actor('Box', {
  state: () => ({ lid: 'shut' }),
  methods: {},
  reads: { lid: (c) => c.state.lid },
});

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Shelf } });
});

afterEach(async () => {
  await cluster.stop();
});

const client = () => cluster.connect();

/** Puts a book and has the shelf leave memory: that is stored. */
async function puts(key: string, book: string, at?: number): Promise<Checkpoint> {
  const troupe = client();
  const count = await troupe.actor(Shelf, key).put(book);
  const turn = at ?? count;
  await troupe.actors.stop(Shelf, key);
  for (let looks = 0; looks < 60; looks++) {
    const [last] = await troupe.checkpoints.list(Shelf, key).catch(() => []);
    if (last !== undefined && 'turn' in last && last.turn === turn) return last;
    await cluster.advance('1s');
  }
  throw new Error(`turn ${turn} of ${key} was not stored`);
}

test('versions are listed with what is known of them, shown with their state and compared', async () => {
  const first = await puts('a', 'one');
  const second = await puts('a', 'two');
  const { checkpoints } = client();
  const listed = await checkpoints.list(Shelf, 'a');
  expect(listed.map(({ id }) => id)).toEqual([second.id, first.id]);
  expect(first).toMatchObject({ turn: 1, cause: 'idle', pinned: false });
  const shown = await checkpoints.show(Shelf, 'a', first.id);
  expect(shown).toMatchObject({ id: first.id, state: { books: ['one'] } });
  expect(await checkpoints.diff(Shelf, 'a', [first.id, second.id])).toEqual([
    { place: 'state.books[1]', after: 'two' },
  ]);
  await expect(checkpoints.show(Shelf, 'a', 999_999)).rejects.toMatchObject({
    code: 'UNKNOWN_CHECKPOINT',
  });
  await expect(checkpoints.list(Shelf, 'nobody')).rejects.toMatchObject({ code: 'UNKNOWN_ACTOR' });
});

test('a version that is pinned stays until it is unpinned', async () => {
  const first = await puts('a', '1');
  const { checkpoints } = client();
  await checkpoints.pin(Shelf, 'a', first.id);
  for (const book of ['2', '3', '4', '5', '6']) await puts('a', book);
  const listed = await checkpoints.list(Shelf, 'a');
  expect(listed.filter(({ pinned }) => pinned).map(({ id }) => id)).toEqual([first.id]);
  expect((await checkpoints.show(Shelf, 'a', first.id)).state).toEqual({ books: ['1'] });
  // To go back so far its past is not kept: what is left to do is said.
  const refused = await checkpoints.restore(Shelf, 'a', first.id).catch((reason) => reason);
  expect(refused).toMatchObject({ code: 'TOO_FAR_BACK', details: { checkpoint: first.id } });
  expect(String(refused)).toContain(`troupe checkpoints fork Shelf/a ${first.id} NEW-KEY`);
  await checkpoints.unpin(Shelf, 'a', first.id);
  await expect(checkpoints.show(Shelf, 'a', first.id)).rejects.toMatchObject({
    code: 'UNKNOWN_CHECKPOINT',
  });
});

test('an actor goes back to one of its versions, also when its node has died, and on from there', async () => {
  const first = await puts('a', 'one');
  await puts('a', 'two');
  await cluster.crash(await cluster.whereIs(Shelf, 'a'));
  await cluster.advance('10s');
  const troupe = client();
  const { line } = await troupe.checkpoints.restore(Shelf, 'a', first.id);
  expect(line).toEqual({ 'default/Shelf/a': 1 });
  const shelf = troupe.actor(Shelf, 'a');
  expect(await shelf.books()).toEqual(['one']);
  expect(await shelf.put('three')).toBe(2);
});

test('of a scope that went back no version beyond the line can be had any more, whoever had pinned it', async () => {
  const first = await puts('a', 'one');
  const lost = await puts('a', 'two');
  const { checkpoints } = client();
  await checkpoints.pin(Shelf, 'a', lost.id);
  await checkpoints.restore(Shelf, 'a', first.id);
  // Turn 2 was abandoned, and that it went back is turn 3.
  const after = await puts('a', 'three', 4);
  const turns = async (options = {}) => {
    const listed = await checkpoints.list(Shelf, 'a', options);
    return listed.map(({ id, ...one }) => [id, 'abandoned' in one]);
  };
  const listed = await turns();
  expect(listed.at(0)).toEqual([after.id, false]);
  expect(listed.at(-1)).toEqual([first.id, false]);
  expect(listed).not.toContainEqual([lost.id, false]);
  expect(await turns({ abandoned: true })).toContainEqual([lost.id, true]);
  for (const asked of [
    () => checkpoints.show(Shelf, 'a', lost.id),
    () => checkpoints.diff(Shelf, 'a', [first.id, lost.id]),
    () => checkpoints.pin(Shelf, 'a', lost.id),
    () => checkpoints.export(Shelf, 'a', lost.id),
    () => checkpoints.fork(Shelf, 'a', lost.id, { key: 'b' }),
    () => checkpoints.restore(Shelf, 'a', lost.id),
  ]) {
    const refused = await asked().catch((reason) => reason);
    expect(refused).toMatchObject({
      code: 'UNKNOWN_CHECKPOINT',
      details: { checkpoint: lost.id, turn: lost.turn },
    });
    expect(String(refused)).toContain('troupe checkpoints Shelf/a');
  }
  expect(await client().actor(Shelf, 'a').books()).toEqual(['one', 'three']);
  // What was kept of it beside the last ones goes.
  await checkpoints.unpin(Shelf, 'a', lost.id);
  for (const turn of [5, 6, 7, 8]) await puts('a', `${turn}`, turn);
  expect(await turns({ abandoned: true })).not.toContainEqual([lost.id, true]);
});

test('a version is forked, exported and imported, once under one id, and what was changed on the way is refused', async () => {
  const first = await puts('a', 'one');
  await puts('a', 'two');
  const troupe = client();
  const { checkpoints } = troupe;
  await checkpoints.fork(Shelf, 'a', first.id, { key: 'b' });
  await cluster.crash('scheduler');
  expect(await troupe.actor(Shelf, 'b').put('three')).toBe(2);
  expect(await troupe.actor(Shelf, 'b').books()).toEqual(['one', 'three']);
  expect(await troupe.actor(Shelf, 'a').books()).toEqual(['one', 'two']);
  const bytes = await checkpoints.export(Shelf, 'a', first.id);
  await checkpoints.import(Shelf, bytes, { key: 'c' });
  expect(await troupe.actor(Shelf, 'c').books()).toEqual(['one']);
  await expect(checkpoints.import(Shelf, bytes, { key: 'c' })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  const changed = Uint8Array.from(bytes, (byte, at) => (at === bytes.length - 3 ? byte ^ 1 : byte));
  await expect(checkpoints.import(Shelf, changed, { key: 'd' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test('what was exported goes on in another cluster, by code of its version, or is refused with what to deploy', async () => {
  const { id } = await puts('a', 'one');
  const bytes = await client().checkpoints.export(Shelf, 'a', id);
  const other = await TestCluster.start({ bundle: { Shelf, Box } });
  const there = other.connect();
  await there.checkpoints.import(Shelf, bytes, { key: 'a' });
  expect(await there.actor(Shelf, 'a').put('two')).toBe(2);
  await other.crash(await other.whereIs(Shelf, 'a'));
  expect(await there.actor(Shelf, 'a').books()).toEqual(['one', 'two']);
  // It is no box, and none comes to be.
  const asBox = there.checkpoints.import(Box, bytes, { key: 'a' });
  await expect(asBox).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(other.whereIs(Box, 'a')).rejects.toMatchObject({ code: 'GONE' });
  await other.stop();
  const later = await TestCluster.start({ bundle: { Shelf: Shelf2 } });
  const newer = later.connect();
  const refused = newer.checkpoints.import(Shelf2, bytes, { key: 'a' });
  await expect(refused).rejects.toMatchObject({
    code: 'UNKNOWN_BUNDLE',
    details: { actor: 'default/Shelf/a', version: 1 },
  });
  await expect(later.whereIs(Shelf2, 'a')).rejects.toMatchObject({ code: 'GONE' });
  await later.deploy({ Shelf });
  await newer.checkpoints.import(Shelf, bytes, { key: 'a' });
  expect(await newer.actor(Shelf, 'a').put('two')).toBe(2);
  await later.stop();
});
