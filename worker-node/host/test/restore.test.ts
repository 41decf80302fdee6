import { type Checkpoints, encodeBatch, type Logs, sha256, silentLogger } from '@troupe/fabric';
import {
  type ActorId,
  actorId,
  encode,
  encodeValue,
  type Failure,
  type LogName,
  logName,
  sessionId,
} from '@troupe/model';
import { encodeCheckpoint, freshMemory, type NodeFact } from '@troupe/worker-node-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CheckpointStore, type PutFate } from '../src/checkpoint-store.ts';
import { type Restored, Restorer } from '../src/restore/restorer.ts';
import { Cell } from './harness.ts';

let cell: Cell;
let made = 0;
beforeAll(async () => {
  cell = await Cell.start();
});
afterAll(() => cell.stop());

const at = { now: 0, wall: 0 };
const nothing = new Uint8Array(0);

/** A turn of the actor; nothing but its number matters here. */
function turn(actor: ActorId, seq: number, body = new Uint8Array(0)): NodeFact {
  return {
    kind: 'turn',
    actor,
    birth: 1,
    epoch: 2,
    seq,
    cause: { kind: 'call', session: sessionId('s'), number: seq, low: seq },
    method: 'add',
    delta: body,
    outcome: { ok: true, value: encodeValue(seq) },
    letters: [],
    clock: {},
    at: 0,
  };
}

/** A log with one record a batch. */
async function log(...batches: NodeFact[][]): Promise<LogName> {
  const name = logName(`turns-test_${++made}`);
  await cell.fabric.logs.create(name, encode({ opening: name }));
  const writer = await cell.fabric.logs.writer(name);
  let first = 0;
  for (const facts of batches) {
    await writer.append(encodeBatch(facts, first));
    first += facts.length;
  }
  return name;
}

/** The same logs, with every reading told to `reads`. */
function watched(logs: Logs, reads: string[]): Logs {
  return new Proxy(logs, {
    get(target, name) {
      if (name !== 'read') return Reflect.get(target, name).bind(target);
      return (...[from, at, to]: Parameters<Logs['read']>) => {
        reads.push(`${from}@${at}`);
        return target.read(from, at, to);
      };
    },
  });
}

interface Ordered {
  readonly restorer: Restorer;
  next(): Promise<Restored | Failure>;
}

function restorer(
  ownLog: LogName,
  reads: string[] = [],
  checkpoints: Checkpoints = cell.fabric.checkpoints,
): Ordered {
  const done: (Restored | Failure)[] = [];
  const waiting: ((one: Restored | Failure) => void)[] = [];
  const give = (one: Restored | Failure) => {
    const next = waiting.shift();
    if (next === undefined) done.push(one);
    else next(one);
  };
  const made = new Restorer({
    logs: watched(cell.fabric.logs, reads),
    checkpoints,
    clock: cell.fabric.clock,
    ownLog,
    logger: silentLogger,
    patienceMs: 500,
    restored: give,
    failed: (_actor, _epoch, why) => give(why),
    readAhead: () => told.shift()?.(),
    isAt: () => {},
  });
  const next = () =>
    new Promise<Restored | Failure>((resolve) => {
      const one = done.shift();
      if (one === undefined) waiting.push(resolve);
      else resolve(one);
    });
  return { restorer: made, next };
}

/** Who waits for something to be read ahead. */
const told: ((value?: unknown) => void)[] = [];
const order = {
  kind: 'restore' as const,
  birth: 1,
  epoch: 9,
  uncoveredFrom: undefined,
  ownFrom: undefined,
};
const seqs = (restored: Restored | Failure) =>
  'facts' in restored
    ? restored.facts.map((fact) => (fact.kind === 'turn' ? fact.seq : 0))
    : restored;

test('a thousand actors of one dead node are restored by one reading of its log', async () => {
  const actors = Array.from({ length: 1_000 }, (_, i) => actorId('default', 'Many', `${i}`));
  const dead = await log(
    actors.map((actor) => turn(actor, 1)),
    actors.map((actor) => turn(actor, 2)),
  );
  const to = await cell.fabric.logs.seal(dead, encode({}));
  const reads: string[] = [];
  const { restorer: subject, next } = restorer(await log(), reads);
  for (const actor of actors) {
    subject.restore({ ...order, actor, chain: [{ log: dead, from: 0, to }] });
  }
  const found = new Map<ActorId, unknown>();
  for (let i = 0; i < actors.length; i++) {
    const one = await next();
    if ('facts' in one) found.set(one.actor, seqs(one));
  }
  expect(found.size).toBe(actors.length);
  for (const actor of actors) expect(found.get(actor)).toEqual([1, 2]);
  expect(reads).toEqual([`${dead}@0`]);
});

test('actors with checkpoints at many places still share one reading', async () => {
  const actors = Array.from({ length: 200 }, (_, i) => actorId('default', 'Spread', `${i}`));
  const dead = await log(...actors.map((actor) => [turn(actor, 1), turn(actor, 2)]));
  const to = await cell.fabric.logs.seal(dead, encode({}));
  // The last actor has the earliest floor.
  for (const [i, actor] of actors.entries()) {
    const head = { actor, birth: 1, epoch: 2, seq: 0, floor: { log: dead, position: 201 - i } };
    const body = encodeCheckpoint(head, freshMemory(), encodeValue({}), at);
    await cell.fabric.checkpoints.put(actor, body, 0);
  }
  const reads: string[] = [];
  const { restorer: subject, next } = restorer(await log(), reads);
  for (const actor of actors) {
    subject.restore({ ...order, actor, chain: [{ log: dead, from: 0, to }] });
  }
  let facts = 0;
  for (const _ of actors) {
    const one = await next();
    if ('facts' in one) facts += one.facts.length;
  }
  // Actor i lies in record i + 2 and reads from record 202 - i on.
  expect(facts).toBe(actors.filter((_, i) => i + 2 >= 202 - i).length * 2);
  expect(reads).toEqual([`${dead}@3`]);
});

test('a chain is read link by link, and then the own log', async () => {
  const actor = actorId('default', 'Chained', 'a');
  const other = actorId('default', 'Chained', 'b');
  const first = await log([turn(actor, 1), turn(other, 1)], [turn(actor, 2)]);
  const second = await log([turn(actor, 3)]);
  const own = await log([turn(other, 2), turn(actor, 4)]);
  const chain = [];
  for (const each of [first, second]) {
    chain.push({ log: each, from: 0, to: await cell.fabric.logs.seal(each, encode({})) });
  }
  const { restorer: subject, next } = restorer(own);
  subject.restore({ ...order, actor, chain, uncoveredFrom: 0, ownFrom: 0 });
  expect(seqs(await next())).toEqual([1, 2, 3, 4]);
});

test('what a checkpoint covers is not read again', async () => {
  const actor = actorId('default', 'Covered', 'a');
  const first = await log([turn(actor, 1)]);
  const second = await log([turn(actor, 2)], [turn(actor, 3)]);
  const chain = [];
  for (const each of [first, second]) {
    chain.push({ log: each, from: 0, to: await cell.fabric.logs.seal(each, encode({})) });
  }
  // Record 1 of a log is its opening, record 2 its first batch.
  const head = { actor, birth: 1, epoch: 2, seq: 2, floor: { log: second, position: 2 } };
  const body = encodeCheckpoint(head, freshMemory(), encodeValue({}), at);
  const revision = await cell.fabric.checkpoints.put(actor, body, 0);
  const reads: string[] = [];
  const { restorer: subject, next } = restorer(await log(), reads);
  subject.restore({ ...order, actor, chain });
  const found = await next();
  expect(found).toMatchObject({ checkpoint: { revision } });
  expect(seqs(found)).toEqual([3]);
  expect(reads).toEqual([`${second}@3`]);
});

test('an actor whose last checkpoint holds all comes back without a look at the log of its node', async () => {
  const actor = actorId('default', 'Whole', 'a');
  const own = await log([turn(actor, 1)], [turn(actor, 2)], [turn(actor, 3)]);
  // Of this placement, and up to turn 2, which stands in record 3.
  await cell.fabric.checkpoints.put(actor, checkpoint(actor, 2, own, 3), 0);
  const reads: string[] = [];
  const { restorer: subject, next } = restorer(own, reads);
  const here = { ...order, actor, epoch: 2, chain: [], ownFrom: 0 };
  subject.restore(here);
  expect(seqs(await next())).toEqual([]);
  expect(reads).toEqual([]);
  // Since a place before it: a put was on its way then, and is there by now.
  subject.restore({ ...here, uncoveredFrom: 1 });
  expect(seqs(await next())).toEqual([3]);
  expect(reads).toEqual([`${own}@4`]);
});

test('X7: a log that ends before its seal, or misses facts, is a failure with its name', async () => {
  const actor = actorId('default', 'Damaged', 'a');
  const short = await log([turn(actor, 1)]);
  const { restorer: subject, next } = restorer(await log());
  subject.restore({ ...order, actor, chain: [{ log: short, from: 0, to: 99 }] });
  const ends = await next();
  expect(ends).toMatchObject({ code: 'LOG_CORRUPT', details: { log: short } });

  const gap = logName(`turns-test_${++made}`);
  await cell.fabric.logs.create(gap, encode({}));
  const writer = await cell.fabric.logs.writer(gap);
  await writer.append(encodeBatch([turn(actor, 1)], 0));
  await writer.append(encodeBatch([turn(actor, 3)], 2));
  const to = await cell.fabric.logs.seal(gap, encode({}));
  subject.restore({ ...order, actor, chain: [{ log: gap, from: 0, to }] });
  expect(await next()).toMatchObject({ code: 'LOG_CORRUPT', details: { log: gap, position: 3 } });
});

/** A checkpoint of a turn, after which its facts follow behind this place. */
function checkpoint(actor: ActorId, seq: number, log: LogName, position: number) {
  const head = { actor, birth: 1, epoch: 2, seq, floor: { log, position } };
  return encodeCheckpoint(head, freshMemory(), encodeValue(seq), at);
}

/** Checkpoints of the actor at these turns of one log, whose record 1 is its opening; the last one is damaged. */
async function withDamaged(actor: ActorId, log: LogName, ...seqs: number[]): Promise<number> {
  const { checkpoints } = cell.fabric;
  let revision = 0;
  for (const seq of seqs) {
    const body = checkpoint(actor, seq, log, seq + 1);
    revision = (await checkpoints.put(actor, body, revision)) ?? 0;
  }
  return await flip(actor);
}

/** Stores the last checkpoint once more, with a bit flipped. */
async function flip(actor: ActorId): Promise<number> {
  const { names, checkpoints } = cell.fabric;
  await cell.flipLast(names.checkpointStream, names.checkpoint(sha256(actor)));
  return (await checkpoints.versions(actor))[0]?.revision ?? 0;
}

test('X11: instead of a damaged checkpoint the next older one is taken, with all that the log holds after it', async () => {
  const actor = actorId('default', 'Flipped', 'a');
  const dead = await log(...[1, 2, 3, 4].map((seq) => [turn(actor, seq)]));
  const to = await cell.fabric.logs.seal(dead, encode({}));
  const last = await withDamaged(actor, dead, 1, 2, 3);
  const { restorer: subject, next } = restorer(await log());
  subject.restore({ ...order, actor, chain: [{ log: dead, from: 0, to, epoch: 2 }] });
  const found = await next();
  expect(seqs(found)).toEqual([4]);
  expect(found).toMatchObject({ last, damaged: { code: 'LOG_CORRUPT' } });
  expect('damaged' in found && found.damaged?.message).toContain(
    `checkpoint ${last} of "${actor}"`,
  );
});

test('X11: an older checkpoint is read on in the log of its node, also when the damaged one held all', async () => {
  const actor = actorId('default', 'Flipped', 'd');
  const own = await log(...[1, 2, 3].map((seq) => [turn(actor, seq)]));
  const last = await withDamaged(actor, own, 1);
  const { restorer: subject, next } = restorer(own);
  subject.restore({ ...order, actor, epoch: 2, chain: [], ownFrom: 0 });
  const found = await next();
  expect(seqs(found)).toEqual([2, 3]);
  expect(found).toMatchObject({ last, damaged: { code: 'LOG_CORRUPT' } });
});

test('X11: when every checkpoint is damaged, an actor whose facts are there from its birth on is made of these', async () => {
  const actor = actorId('default', 'Flipped', 'b');
  const dead = await log(...[1, 2].map((seq) => [turn(actor, seq)]));
  const to = await cell.fabric.logs.seal(dead, encode({}));
  await cell.fabric.checkpoints.put(actor, checkpoint(actor, 1, dead, 2), 0);
  const first = (await cell.fabric.checkpoints.versions(actor))[0]?.revision ?? 0;
  await flip(actor);
  await cell.fabric.checkpoints.freeBefore(actor, first + 1);
  const { restorer: subject, next } = restorer(await log());
  const chain = [{ log: dead, from: 0, to, epoch: 2 }];
  subject.restore({ ...order, actor, chain, fromBirth: true });
  expect(seqs(await next())).toEqual([1, 2]);
  // Of one that was somewhere before nothing is guessed.
  subject.restore({ ...order, actor, chain });
  const refused = await next();
  expect(refused).toMatchObject({ code: 'LOG_CORRUPT' });
  expect('message' in refused && refused.message).toContain('no older checkpoint and log lead');
});

test('X11: an older checkpoint is not taken when the log was trimmed behind it, or begins later than it', async () => {
  const actor = actorId('default', 'Flipped', 'c');
  const dead = await log(...[1, 2, 3, 4].map((seq) => [turn(actor, seq)]));
  await cell.fabric.logs.trim(dead, 4);
  const to = await cell.fabric.logs.seal(dead, encode({}));
  await withDamaged(actor, dead, 1, 2);
  const { restorer: subject, next } = restorer(await log());
  // What follows turn 2 stands in record 4, which is there; what follows turn 1 does not.
  subject.restore({ ...order, actor, chain: [{ log: dead, from: 0, to, epoch: 2 }] });
  expect(seqs(await next())).toEqual([3, 4]);
  await cell.fabric.logs.trim(dead, 5);
  const { restorer: later, next: answer } = restorer(await log());
  later.restore({ ...order, actor, chain: [{ log: dead, from: 0, to, epoch: 2 }] });
  const trimmed = await answer();
  expect(trimmed).toMatchObject({ code: 'LOG_CORRUPT' });
  expect('message' in trimmed && trimmed.message).toContain('it begins at 5 by now');
  // The chain begins with a later epoch: what lies between is not known.
  later.restore({ ...order, actor, chain: [{ log: dead, from: 0, to, epoch: 5 }] });
  const stranded = await answer();
  expect(stranded).toMatchObject({ code: 'LOG_CORRUPT' });
  // What can still be had of it is said.
  const versions = await cell.fabric.checkpoints.versions(actor);
  const fork = `troupe checkpoints fork Flipped/c ${versions[1]?.revision} NEW-KEY`;
  expect('message' in stranded && stranded.message).toContain(fork);
});

test('X10: a damaged record is named to those who need it, and those whose checkpoint covers it come back', async () => {
  const [needs, covered] = ['a', 'b'].map((key) => actorId('default', 'Record', key));
  if (needs === undefined || covered === undefined) throw new Error('no actors');
  const dead = await log([turn(needs, 1), turn(covered, 1)]);
  const writer = await cell.fabric.logs.writer(dead);
  const { names } = cell.fabric;
  await cell.flipLast(names.logStream(dead), `${names.logSubject(dead)}.rec`);
  expect(writer.last).toBe(2);
  const after = await cell.fabric.logs.writer(dead);
  await after.append(encodeBatch([turn(needs, 2), turn(covered, 2)], 2));
  const to = await cell.fabric.logs.seal(dead, encode({}));
  await cell.fabric.checkpoints.put(covered, checkpoint(covered, 1, dead, 3), 0);
  const { restorer: both, next } = restorer(await log());
  const chain = [{ log: dead, from: 0, to, epoch: 2 }];
  const found: (Restored | Failure)[] = [];
  for (const actor of [needs, covered]) {
    both.restore({ ...order, actor, chain });
    found.push(await next());
  }
  expect(found[0]).toMatchObject({ code: 'LOG_CORRUPT', details: { log: dead, position: 3 } });
  expect(seqs(found[1] as Restored)).toEqual([2]);
});

test('a checkpoint stored during a restore is read instead of the logs it covers', async () => {
  const actor = actorId('default', 'Moving', 'a');
  const { checkpoints, logs } = cell.fabric;
  const gone = logName(`turns-test_${++made}`);
  const kept = await log([turn(actor, 8)]);
  const to = await logs.seal(kept, encode({}));
  const put = (seq: number, name: LogName, expected: number) => {
    const head = { actor, birth: 1, epoch: 2, seq, floor: { log: name, position: 1 } };
    return checkpoints.put(
      actor,
      encodeCheckpoint(head, freshMemory(), encodeValue(seq), at),
      expected,
    );
  };
  const first = (await put(3, gone, 0)) ?? 0;
  let gets = 0;
  const { restorer: subject, next } = restorer(await log(), [], {
    put: (...given) => checkpoints.put(...given),
    putOnTop: (...given) => checkpoints.putOnTop(...given),
    get: async (key) => {
      const found = await checkpoints.get(key);
      // Another one is stored right after the first look, and the log before it is deleted.
      if (++gets === 1) await put(7, kept, first);
      return found;
    },
  });
  const chain = [
    { log: gone, from: 0, to: 5 },
    { log: kept, from: 0, to },
  ];
  subject.restore({ ...order, actor, chain });
  expect(seqs(await next())).toEqual([8]);
});

test('a batch that was never completed is no history', async () => {
  const actor = actorId('default', 'Torn', 'a');
  const torn = await log([turn(actor, 1)]);
  const large = new Uint8Array(600_000).fill(1);
  const records = encodeBatch([turn(actor, 2, large), turn(actor, 3, large)], 1);
  expect(records.length).toBe(2);
  const writer = await cell.fabric.logs.writer(torn);
  await writer.append(records.slice(0, 1));
  const to = await cell.fabric.logs.seal(torn, encode({}));
  const { restorer: subject, next } = restorer(await log());
  subject.restore({ ...order, actor, chain: [{ log: torn, from: 0, to }] });
  expect(seqs(await next())).toEqual([1]);
});

test('what is read ahead is not read again, and a rest is given with what it lies on', async () => {
  const actor = actorId('default', 'Ahead', 'a');
  const { checkpoints } = cell.fabric;
  const own = await log();
  const head = (seq: number) => ({
    actor,
    birth: 1,
    epoch: 2,
    seq,
    floor: { log: own, position: 0 },
  });
  const whole = encodeCheckpoint(head(1), freshMemory(), encodeValue(['x']), at);
  const first = (await checkpoints.put(actor, whole, 0)) ?? 0;
  const known: (number | undefined)[] = [];
  const { restorer: subject, next } = restorer(await log(), [], {
    put: (...given) => checkpoints.put(...given),
    putOnTop: (...given) => checkpoints.putOnTop(...given),
    get: (key, one) => {
      known.push(one?.revision);
      return checkpoints.get(key, one);
    },
  });
  const ahead = new Promise((resolve) => told.push(resolve));
  subject.readAhead({ kind: 'read-ahead', actor, epoch: 2 });
  await ahead;
  const rest = encodeCheckpoint(head(2), freshMemory(), encodeValue([]), at);
  const second = await checkpoints.putOnTop(actor, rest, first);
  subject.restore({ ...order, actor, chain: [] });
  const found = await next();
  expect(known).toEqual([undefined, first]);
  expect('checkpoint' in found && found.checkpoint).toMatchObject({ revision: second });
  expect('checkpoint' in found && found.checkpoint?.base).toEqual(Buffer.from(whole));
});

test('S1: a late writer never replaces a newer checkpoint, nor is it stopped by an older one, unless the two cannot both be true', async () => {
  const actor = actorId('default', 'Late', 'a');
  const floor = { log: logName('any'), position: 1 };
  const body = (epoch: number, seq: number, backAt: { backAt?: number } = {}) => {
    const head = { actor, birth: 1, epoch, seq, floor, ...backAt };
    return encodeCheckpoint(head, freshMemory(), encodeValue(seq), at);
  };
  const fate = (
    epoch: number,
    seq: number,
    expected: number,
    { backAt, ...more }: { onTop?: true; backAt?: number } = {},
  ) =>
    new Promise<PutFate>((resolve) => {
      const store = new CheckpointStore({
        checkpoints: cell.fabric.checkpoints,
        logger: silentLogger,
        stored: (_actor, _epoch, _seq, fate) => resolve(fate),
      });
      const order = { kind: 'put-checkpoint', actor, epoch, seq, expected } as const;
      const given = backAt === undefined ? {} : { backAt };
      store.put({ ...order, body: body(epoch, seq, given), ...more });
    });
  const put = async (...given: Parameters<typeof fate>) => (await fate(...given)).revision;
  const first = await put(2, 10, 0);
  expect(first).toBeGreaterThan(0);
  // A fenced node writes once more under its old epoch.
  expect(await put(2, 12, first ?? 0)).toBeGreaterThan(0);
  // The new owner should have read what that holds: none of the two is taken for right.
  const standing = (await cell.fabric.checkpoints.get(actor))?.revision;
  const rival = { epoch: 2, seq: 12, revision: standing };
  expect(await fate(5, 11, first ?? 0)).toEqual({ rival });
  expect(await fate(5, 11, first ?? 0, { onTop: true })).toEqual({ rival });
  expect((await cell.fabric.checkpoints.get(actor))?.body).toEqual(Buffer.from(body(2, 12)));
  // It has, and its epoch is later, so it prevails.
  expect(await put(5, 12, first ?? 0)).toBeGreaterThan(0);
  // The fenced node comes back late: refused.
  expect(await put(2, 12, first ?? 0)).toBeUndefined();
  expect(await fate(2, 13, first ?? 0)).toMatchObject({ rival: { epoch: 5, seq: 12 } });
  // Its scope went back in time since.
  const third = await fate(8, 11, first ?? 0, { backAt: 7 }).then(({ revision }) => revision);
  expect(third).toBeGreaterThan(0);
  expect(await fate(5, 13, first ?? 0)).toEqual({});
  const back = body(8, 11, { backAt: 7 });
  expect((await cell.fabric.checkpoints.get(actor))?.body).toEqual(Buffer.from(back));
  // S5: a rest is put on what it was made for, or not at all.
  expect(await fate(8, 12, first ?? 0, { onTop: true })).toEqual({ baseGone: true });
  expect((await fate(8, 12, third ?? 0, { onTop: true })).revision).toBeGreaterThan(third ?? 0);
  const { base } = (await cell.fabric.checkpoints.get(actor)) ?? {};
  expect(Buffer.compare(base ?? nothing, back)).toBe(0);
});
