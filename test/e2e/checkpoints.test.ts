/** Versions of actors on a real cluster: listed, shown, pinned, damaged. */
import { names, openLink, realClock, sha256, silentLogger } from '@troupe/fabric';
import { cellName } from '@troupe/model';
import type { Checkpoint } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

/** Stores the last checkpoint of the actor once more, with a bit flipped, and takes the sound one away. */
async function flip(actor: string): Promise<void> {
  const { url, user, password } = stage.cluster.servers.nats;
  const nats = { servers: [url], user, password, requireSync: false };
  const shared = { nats, replicas: 1 as const, name: 'spoiler', clock: realClock };
  const link = await openLink({ ...shared, logger: silentLogger, role: 'store' });
  const { checkpointStream, checkpoint } = names(cellName(stage.cluster.cell));
  const subject = checkpoint(sha256(actor));
  const last = await link.jsm.streams.getMessage(checkpointStream, { last_by_subj: subject });
  const { header, data } = last;
  for (const name of header.keys()) if (name.startsWith('Nats-')) header.delete(name);
  const at = data.length >> 1;
  const body = Uint8Array.from(data, (byte, index) => (index === at ? byte ^ 1 : byte));
  await link.js.publish(subject, body, { headers: header });
  await link.jsm.streams.deleteMessage(checkpointStream, last.seq, false);
  await link.close();
}

/** As many as there are now and one more, when the actor has left memory. */
async function stored(key: string): Promise<readonly Checkpoint[]> {
  const list = async () => await stage.troupe.checkpoints.list(Counter, key);
  const before = (await list()).length;
  await stage.troupe.actors.stop(Counter, key);
  await stage.until('one more is stored', async () => (await list()).length > before);
  return (await list()).filter((one) => 'turn' in one);
}

it('checkpoints are listed with all that is known of them, shown with their state, and kept when pinned', async () => {
  stage = await scene({ nodes: 1, nodeConfig: { checkpointMs: 600_000 } });
  const { troupe } = stage;
  const counter = troupe.actor(Counter, 'kept');
  await counter.add('a');
  const [first] = await stored('kept');
  expect(first).toMatchObject({
    turn: 1,
    cause: 'idle',
    pinned: false,
    clock: { 'default/Counter/kept': 1 },
  });
  expect(first?.tookMs).toBeGreaterThanOrEqual(0);
  expect(first?.bytes).toBeGreaterThan(0);
  const id = first?.id ?? 0;
  await troupe.checkpoints.pin(Counter, 'kept', id);
  await troupe.checkpoints.pin(Counter, 'kept', id);
  for (const one of ['b', 'c', 'd', 'e', 'f']) {
    await counter.add(one);
    await troupe.actors.stop(Counter, 'kept');
    await stage.until(`${one} is stored`, async () => {
      const [last] = await troupe.checkpoints.list(Counter, 'kept');
      return last !== undefined && 'turn' in last && last.turn === 'abcdef'.indexOf(one) + 1;
    });
  }
  // Four are kept, and the pinned one.
  const listed = await troupe.checkpoints.list(Counter, 'kept');
  expect(listed.map((one) => ('turn' in one ? one.turn : 0))).toEqual([6, 5, 4, 3, 1]);
  expect(listed.map(({ pinned }) => pinned)).toEqual([false, false, false, false, true]);
  const shown = await troupe.checkpoints.show(Counter, 'kept', id);
  expect(shown).toMatchObject({ id, turn: 1, pinned: true, state: { ids: ['a'] } });
  await troupe.checkpoints.unpin(Counter, 'kept', id);
  const gone = troupe.checkpoints.show(Counter, 'kept', id);
  await expect(gone).rejects.toMatchObject({ code: 'UNKNOWN_CHECKPOINT' });
  const nobody = troupe.checkpoints.list(Counter, 'nobody');
  await expect(nobody).rejects.toMatchObject({ code: 'UNKNOWN_ACTOR' });
});

it('a flipped bit in the last checkpoint is named, and after kill -9 the actor lives by the one before and the log', async () => {
  stage = await scene({ nodes: 1, nodeConfig: { checkpointMs: 600_000 } });
  const { troupe, cluster } = stage;
  const counter = troupe.actor(Counter, 'flipped');
  await counter.add('a');
  await stored('flipped');
  await counter.add('b');
  await stored('flipped');
  await flip('default/Counter/flipped');
  // Of the second turn the log alone tells.
  const [damaged, ...sound] = await troupe.checkpoints.list(Counter, 'flipped');
  expect(sound).toMatchObject([{ turn: 1 }]);
  expect(damaged).toMatchObject({ failure: { code: 'LOG_CORRUPT' } });
  const text = damaged !== undefined && 'failure' in damaged ? damaged.failure.message : '';
  expect(text).toContain(`checkpoint ${damaged?.id} of "default/Counter/flipped"`);
  const [node] = cluster.nodes;
  await cluster.startNode({ name: 'heir' });
  node?.kill('SIGKILL');
  expect(await counter.add('c')).toBe(3);
  expect(await counter.ids()).toEqual(['a', 'b', 'c']);
  await stage.until('another one is stored', async () => {
    const [last] = await troupe.checkpoints.list(Counter, 'flipped');
    return last !== undefined && 'turn' in last && last.cause === 'repair';
  });
});

it('what a checkpoint holds is compared, exported and imported, and bytes that were changed on the way are refused', async () => {
  stage = await scene({ nodes: 1, nodeConfig: { checkpointMs: 600_000 } });
  const { troupe } = stage;
  const counter = troupe.actor(Counter, 'source');
  await counter.add('a');
  const [first] = await stored('source');
  await counter.add('b');
  await counter.keep({ deep: [1, 2] });
  const [second] = await stored('source');
  const between = [first?.id ?? 0, second?.id ?? 0] as const;
  expect(await troupe.checkpoints.diff(Counter, 'source', between)).toEqual([
    { place: 'state.ids[1]', after: 'b' },
    { place: 'state.kept', after: { deep: [1, 2] } },
  ]);
  const file = await troupe.checkpoints.export(Counter, 'source', between[0]);
  await troupe.checkpoints.import(Counter, file, { key: 'copy' });
  expect(await troupe.actor(Counter, 'copy').add('c')).toBe(2);
  expect(await troupe.actor(Counter, 'copy').ids()).toEqual(['a', 'c']);
  const taken = troupe.checkpoints.import(Counter, file, { key: 'copy' });
  await expect(taken).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  const changed = Uint8Array.from(file, (byte, at) => (at === file.length - 3 ? byte ^ 1 : byte));
  const refused = troupe.checkpoints.import(Counter, changed, { key: 'other' });
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  // Destroyed and made anew by an import: nothing of the first one is there.
  await troupe.actors.destroy(Counter, 'copy');
  await troupe.checkpoints.import(Counter, file, { key: 'copy' });
  expect(await troupe.actor(Counter, 'copy').ids()).toEqual(['a']);
  expect(await counter.ids()).toEqual(['a', 'b']);
});

it('what holds turns that a scope went back behind is not listed, shown or copied, also after kill -9 of node and leader', async () => {
  stage = await scene({ nodes: 2, schedulers: 2, nodeConfig: { checkpointMs: 600_000 } });
  const { troupe, cluster } = stage;
  const counter = troupe.actor(Counter, 'back', { deadlineMs: 60_000 });
  await counter.add('a');
  const [first] = await stored('back');
  await counter.add('b');
  const [lost] = await stored('back');
  const id = lost?.id ?? 0;
  await troupe.checkpoints.pin(Counter, 'back', id);
  await troupe.checkpoints.restore(Counter, 'back', first?.id ?? 0);
  const host = await stage.hostOf('default/Counter/back');
  cluster.nodes.find(({ name }) => name === host)?.kill('SIGKILL');
  cluster.schedulers[0]?.kill('SIGKILL');
  expect(await counter.add('c')).toBe(2);
  await stored('back');
  const listed = async (abandoned: boolean) => {
    const all = await troupe.checkpoints.list(Counter, 'back', { abandoned });
    return all.filter((one) => one.id === id);
  };
  expect(await listed(false)).toEqual([]);
  expect(await listed(true)).toMatchObject([{ turn: 2, pinned: true, abandoned: true }]);
  const gone = { code: 'UNKNOWN_CHECKPOINT', details: { checkpoint: id, turn: 2 } };
  const { show, export: write, fork, restore } = troupe.checkpoints;
  await expect(show(Counter, 'back', id)).rejects.toMatchObject(gone);
  await expect(write(Counter, 'back', id)).rejects.toMatchObject(gone);
  await expect(fork(Counter, 'back', id, { key: 'copy' })).rejects.toMatchObject(gone);
  await expect(restore(Counter, 'back', id)).rejects.toMatchObject(gone);
  expect(await counter.ids()).toEqual(['a', 'c']);
});

it('of a large state what has changed is stored between two whole ones, and kill -9 of node and leader costs nothing of it', async () => {
  const nodeConfig = { checkpointTurns: 4, checkpointMs: 600_000, rebaseMs: 600_000 };
  stage = await scene({ nodes: 1, schedulers: 2, nodeConfig });
  const { troupe, cluster } = stage;
  const counter = troupe.actor(Counter, 'large', { deadlineMs: 60_000 });
  const text = 'as it is written, so it is read '.repeat(5_000);
  await counter.keep(text);
  const ids: string[] = [];
  const adds = async (turn: number) => {
    for (let at = ids.length; at < turn - 1; at++) {
      await counter.add(`${at}`);
      ids.push(`${at}`);
    }
    await stage.until(`turn ${turn} is stored`, async () => (await last())?.turn === turn);
  };
  const last = async () => {
    const [found] = await troupe.checkpoints.list(Counter, 'large').catch(() => []);
    return found !== undefined && 'turn' in found ? found : undefined;
  };
  await adds(4);
  const whole = await last();
  await adds(8);
  const between = await last();
  expect(whole?.bytes).toBeGreaterThan(text.length);
  expect(between?.bytes).toBeLessThan(text.length / 4);
  expect([whole?.cause, between?.cause]).toEqual(['turns', 'turns']);
  const id = between?.id ?? 0;
  const shown = await troupe.checkpoints.show(Counter, 'large', id);
  expect(shown).toMatchObject({ bytes: between?.bytes, state: { ids, kept: text } });
  await troupe.checkpoints.pin(Counter, 'large', id);
  const before = [...ids];
  await counter.add('late');
  ids.push('late');
  const { leader } = await troupe.status();
  const [node] = cluster.nodes;
  await cluster.startNode({ name: 'heir' });
  node?.kill('SIGKILL');
  cluster.schedulers.find(({ name }) => name === leader)?.kill('SIGKILL');
  expect(await counter.ids()).toEqual(ids);
  // More than are kept beside it: what it lies on is gone from there.
  for (let round = 0; round < 5; round++) {
    const turn = (await counter.add(`later ${round}`)) + 1;
    ids.push(`later ${round}`);
    await troupe.actors.stop(Counter, 'large');
    await stage.until(`turn ${turn} is stored`, async () => (await last())?.turn === turn);
  }
  const listed = await troupe.checkpoints.list(Counter, 'large');
  expect(listed.map((one) => one.pinned)).toEqual([false, false, false, false, true]);
  await troupe.checkpoints.fork(Counter, 'large', id, { key: 'fork' });
  expect(await troupe.actor(Counter, 'fork').ids()).toEqual(before);
  expect(await counter.ids()).toEqual(ids);
});

it('what is too old is freed with the next one, never the last one, and after kill -9 all is there', async () => {
  stage = await scene({ nodes: 1, nodeConfig: { checkpointMs: 600_000, checkpointsKeptMs: 1 } });
  const { troupe, cluster } = stage;
  const counter = troupe.actor(Counter, 'aging', { deadlineMs: 60_000 });
  const listed = async () => {
    const all = await troupe.checkpoints.list(Counter, 'aging').catch(() => []);
    return all.map((one) => ('turn' in one ? one.turn : 0));
  };
  for (const [at, id] of ['a', 'b', 'c'].entries()) {
    await counter.add(id);
    await troupe.actors.stop(Counter, 'aging');
    await stage.until(`${id} alone is kept`, async () => {
      return JSON.stringify(await listed()) === JSON.stringify([at + 1]);
    });
  }
  const [node] = cluster.nodes;
  await cluster.startNode({ name: 'heir' });
  node?.kill('SIGKILL');
  expect(await counter.add('d')).toBe(4);
  expect(await counter.ids()).toEqual(['a', 'b', 'c', 'd']);
});
