/**
 * The node, and apart from it the leader, dies by kill -9 exactly when something has become durable and
 * nobody has heard of it yet: in the midst of a send, a timer, a step, a saga, a stream, a rewind and each
 * phase of a migration. Effects are checked by id, and in their order.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile, type Process } from '@troupe/cli';
import { TroupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Account, Counter, Sender } from '../agents/agents.ts';
import { Clock } from '../agents/clocks.ts';
import { Porter } from '../agents/porters.ts';
import { type Page, Reader } from '../agents/streams.ts';
import { type Scene, scene } from './scene.ts';

const bundles = ['agents', 'clocks', 'streams', 'porters'];
const folder = mkdtempSync(join(tmpdir(), 'troupe-amid-'));
const patient = { deadlineMs: 120_000 };
const killed = { code: null, signal: 'SIGKILL' };

let stage: Scene;
let troupe: Troupe;
let files = 0;

beforeAll(async () => {
  // Checkpoints are written only where something asks for them.
  const nodeConfig = { checkpointMs: 600_000, rebaseMs: 600_000 };
  stage = await scene({ nodes: 1, schedulers: 2, nodeConfig });
  troupe = stage.troupe;
  for (const name of bundles) {
    const path = fileURLToPath(new URL(`../agents/${name}.ts`, import.meta.url));
    await troupe.deploy((await bundleFile(path)).bytes);
  }
});
afterEach(async () => {
  // One that did not die as it was to would be in the way of the next one.
  const left = stage.cluster.nodes.find(({ name, running }) => name === 'victim' && running);
  left?.kill('SIGKILL');
  await left?.exited;
});
afterAll(async () => {
  await stage?.stop();
  rmSync(folder, { recursive: true });
});

/** The node that hosts the actor passes the crash point while this goes on; what was on it goes on elsewhere. */
async function nodeDies<T>(
  point: string,
  [type, key]: readonly [string, string],
  act: () => Promise<T>,
): Promise<T> {
  const victim = await startVictim(point);
  await troupe.migrate(type, key, { to: victim.name });
  const came = await act();
  expect(await victim.exited).toEqual(killed);
  return came;
}

async function startVictim(point: string): Promise<Process> {
  return await stage.cluster.startNode({ name: 'victim' }, { env: { TROUPE_CRASH_AT: point } });
}

/** Whoever leads passes the crash point while this goes on. */
async function leaderDies<T>(point: string, act: () => Promise<T>): Promise<T> {
  const [leading, other] = await leaderAndOther();
  other.kill('SIGKILL');
  await other.exited;
  const armed = await startScheduler(other, { TROUPE_CRASH_AT: point });
  leading.kill('SIGKILL');
  await leading.exited;
  await stage.until(`${armed.name} leads`, async () => (await leader()) === armed.name);
  await startScheduler(leading);
  const came = await act();
  expect(await armed.exited).toEqual(killed);
  return came;
}

/** The leader is killed while what is under way stands in its midst, and that goes on under the next one. */
async function leaderDiesMeanwhile(file: string): Promise<void> {
  await stage.until('it is in its midst', async () => existsSync(`${file}.there`));
  const [leading, other] = await leaderAndOther();
  if (!other.running) await startScheduler(other);
  leading.kill('SIGKILL');
  await leading.exited;
  await stage.until(`${other.name} leads`, async () => (await leader()) === other.name);
  writeFileSync(`${file}.go`, '');
  await startScheduler(leading);
}

/** Nothing while nobody says it. */
async function leader(): Promise<string | undefined> {
  try {
    return (await troupe.status()).leader;
  } catch (thrown) {
    if (!(thrown instanceof TroupeError)) throw thrown;
    return undefined;
  }
}

async function leaderAndOther(): Promise<readonly [Process, Process]> {
  const name = await leader();
  const leading = stage.cluster.schedulers.find((one) => one.name === name);
  const other = stage.cluster.schedulers.find((one) => one.name !== name);
  if (leading === undefined || other === undefined) throw new Error('there are not two schedulers');
  return [leading, other];
}

async function startScheduler(
  { name, address: listen = '' }: Process,
  env: { readonly [name: string]: string } = {},
): Promise<Process> {
  return await stage.cluster.startScheduler({ name, listen }, { env });
}

function freshFile(): string {
  files += 1;
  return join(folder, `effects${files}`);
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n');
}

/** Names of the side effects, each of which left one line. */
function effects(file: string): string[] {
  const lines = linesOf(file);
  expect(new Set(lines).size).toBe(lines.length);
  return lines.map((line) => line.split(' ')[0] ?? '');
}

async function expectIds(key: string, ids: readonly string[]): Promise<void> {
  const counter = troupe.actor(Counter, key, patient);
  await stage.until(`${key} has all`, async () => (await counter.ids()).length >= ids.length);
  expect(await counter.ids()).toEqual(ids);
}

/** Posts three letters to each, one after the other; in the midst of the second something dies. */
async function posts(sender: string, keys: readonly string[]): Promise<void> {
  const ids = ['one', 'two', 'three'];
  for (const id of ids) await troupe.actor(Sender, sender, patient).post([...keys], id);
  for (const key of keys) await expectIds(key, ids);
}

/** Ids that are added one after the other until something is done: each is there once, and in order. */
async function addsMeanwhile(key: string, something: () => Promise<unknown>): Promise<void> {
  const counter = troupe.actor(Counter, key, patient);
  const before = await counter.ids();
  const added: string[] = [];
  let going = true;
  const adding = (async () => {
    for (let n = 0; going; n++) {
      await counter.add(`${key}-${n}`);
      added.push(`${key}-${n}`);
    }
  })();
  await something();
  going = false;
  await adding;
  await counter.add('last');
  expect(added.length).toBeGreaterThan(0);
  expect(await counter.ids()).toEqual([...before, ...added, 'last']);
}

/** What comes of the wish does not matter here, as long as it has a code. */
async function moves(key: string, to: string): Promise<void> {
  try {
    await troupe.migrate('Counter', key, { to });
  } catch (thrown) {
    if (!(thrown instanceof TroupeError)) throw thrown;
  }
}

async function windOnce(key: string): Promise<void> {
  const clock = troupe.actor(Clock, key, patient);
  await clock.after('once', 700);
  await stage.until('it has rung', async () => (await clock.count()) > 0);
  // A second one behind it, which would find a first one that comes again.
  await clock.after('again', 300);
  await stage.until('both have rung', async () => (await clock.count()) > 1);
  const rung = await clock.rung();
  expect(rung.map(({ name }) => name)).toEqual(['once', 'again']);
  expect(new Set(rung.map(({ callId }) => callId)).size).toBe(2);
  for (const { due, came } of rung) expect(came).toBeGreaterThan(due - 2);
}

/** Two accounts go back to a savepoint: what was paid before is there, what was paid after is not, and is told. */
async function goesBack(
  scope: string,
  dying: (act: () => Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  const account = (key: string) => troupe.actor(Account, `${scope}-${key}`, { scope, ...patient });
  await account('a').pay('kept', `${scope}-b`, 10);
  await troupe.scope(scope).savepoint('noon');
  await account('a').pay('lost', `${scope}-b`, 20);
  await account('b').credit('lost too', 5);
  await dying(async () => await troupe.scope(scope).rewind({ savepoint: 'noon' }));
  const moved = async () => [await account('a').moves(), await account('b').moves()];
  expect(await moved()).toEqual([['kept'], ['kept']]);
  await account('a').pay('next', `${scope}-b`, 1);
  expect(await moved()).toEqual([
    ['kept', 'next'],
    ['kept', 'next'],
  ]);
  expect([await account('a').balance(), await account('b').balance()]).toEqual([89, 111]);
}

/** Who pays whom, and how, one after the other: eight accounts of one scope. */
const payments = [
  ['pay', 0, 1],
  ['pay', 2, 3],
  ['pay', 1, 2],
  ['pay', 3, 0],
  ['post', 4, 5],
  ['pay', 5, 0],
  // Account 0 has taken three turns. Beyond them it knows of what has not come back, and whoever hears of it.
  ['post', 6, 0],
  ['pay', 0, 1],
  ['pay', 2, 3],
  ['post', 1, 7],
  ['post', 2, 7],
  ['pay', 4, 5],
  ['pay', 7, 3],
  ['post', 5, 3],
  ['pay', 6, 4],
] as const;
/** What each has of it at the last line with three turns of account 0, and which letters it takes after that. */
const atThirdTurn = [
  { has: [0, 3, 5], takes: [6] },
  { has: [0, 2], takes: [] },
  { has: [1, 2, 8, 10], takes: [] },
  { has: [1, 3, 8], takes: [13] },
  { has: [4, 11, 14], takes: [] },
  { has: [4, 5, 11, 13], takes: [] },
  { has: [6, 14], takes: [] },
  { has: [], takes: [10] },
];

/** Eight actors go back to a turn of one of them. */
async function goesBackToTurn(
  scope: string,
  dying: (act: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const account = (at: number) => troupe.actor(Account, `${scope}-${at}`, { scope, ...patient });
  const each = <T>(ask: (at: number) => Promise<T>) =>
    Promise.all(atThirdTurn.map((_, at) => ask(at)));
  const moves = async () => await each((at) => account(at).moves());
  for (const [number, [how, from, to]] of payments.entries()) {
    const id = `p${number}`;
    await account(from)[how](id, `${scope}-${to}`, number);
    await stage.until(`${id} is taken`, async () => (await account(to).moves()).includes(id));
  }
  const bank = troupe.scope(scope);
  const target = { actor: `default/Account/${scope}-0`, turn: 3 };
  const { line } = await bank.line(target);
  await dying(async () => expect((await bank.rewind(target)).line).toEqual(line));
  expect(line[target.actor]).toBe(3);
  const idsOf = (numbers: readonly number[]) => numbers.map((number) => `p${number}`);
  await stage.until('every letter in transit is taken', async () => {
    const sizes = (await moves()).map(({ length }) => length);
    return atThirdTurn.every(({ has, takes }, at) => sizes[at] === has.length + takes.length);
  });
  const expected = atThirdTurn.map(({ has, takes }) => idsOf([...has, ...takes]));
  expect(await moves()).toEqual(expected);
  await account(0).pay('next', `${scope}-7`, 1);
  expected[0]?.push('next');
  expected[7]?.push('next');
  expect(await moves()).toEqual(expected);
  const balances = await each((at) => account(at).balance());
  expect(balances.reduce((sum, one) => sum + one, 0)).toBe(800);
}

/** Its number, once what the actor has done is checkpointed and something was done after that. */
async function checkpointed(key: string): Promise<number> {
  const counter = troupe.actor(Counter, key, patient);
  for (const id of ['a', 'b']) await counter.add(id);
  await troupe.actors.stop(Counter, key);
  let found = 0;
  await stage.until('it is checkpointed', async () => {
    const [last] = await troupe.checkpoints.list(Counter, key);
    found = last?.id ?? 0;
    return found > 0;
  });
  await counter.add('c');
  return found;
}

/** A fork begins as its source was, and both go on apart. */
async function forks(
  key: string,
  dying: (act: () => Promise<void>) => Promise<unknown>,
): Promise<void> {
  const id = await checkpointed(key);
  const to = `${key}-fork`;
  await dying(async () => await troupe.checkpoints.fork(Counter, key, id, { key: to }));
  expect(await troupe.actor(Counter, to, patient).add('d')).toBe(3);
  await expectIds(to, ['a', 'b', 'd']);
  await expectIds(key, ['a', 'b', 'c']);
}

/** An actor goes back to a checkpoint, and on from there. */
async function restores(
  key: string,
  dying: (act: () => Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  const id = await checkpointed(key);
  await dying(async () => await troupe.checkpoints.restore(Counter, key, id));
  await expectIds(key, ['a', 'b']);
  expect(await troupe.actor(Counter, key, patient).add('d')).toBe(3);
  await expectIds(key, ['a', 'b', 'd']);
}

describe('nothing is lost, doubled or out of order when a node dies', () => {
  it('that has committed letters and not sent them', async () => {
    const keys = ['send-a', 'send-b'];
    await troupe.actor(Sender, 'sender', patient).post([], 'none');
    for (const key of keys) await troupe.actor(Counter, key).ids();
    await nodeDies('node.turn:2', ['Sender', 'sender'], () => posts('sender', keys));
  });

  it('that has taken a letter and not said so', async () => {
    await troupe.actor(Sender, 'to-taker', patient).post([], 'none');
    await troupe.actor(Counter, 'taker').ids();
    await nodeDies('node.turn:2', ['Counter', 'taker'], () => posts('to-taker', ['taker']));
  });

  it('in which a timer has fired and nobody knows', async () => {
    await troupe.actor(Clock, 'firing').count();
    await nodeDies('node.turn:2', ['Clock', 'firing'], () => windOnce('firing'));
  });

  it('that has set a timer and told nobody', async () => {
    await troupe.actor(Clock, 'setting').count();
    await nodeDies('node.turn:1', ['Clock', 'setting'], () => windOnce('setting'));
  });

  it.each([1, 2, 3])('with the record of step %i, which is not done again', async (step) => {
    const file = freshFile();
    const porter = troupe.actor(Porter, `steps${step}`, patient);
    await porter.ids();
    await nodeDies(`node.turn-recorded:${step}`, ['Porter', `steps${step}`], async () => {
      expect(await porter.carry('x', file, false)).toBe(1);
    });
    expect(effects(file)).toEqual(['first', 'second', 'third']);
    expect(await porter.ids()).toEqual(['x']);
  });

  it.each([3, 4, 5])('in a saga that fails: its record %i is durable', async (record) => {
    const file = freshFile();
    const porter = troupe.actor(Porter, `saga${record}`, patient);
    await porter.ids();
    await nodeDies(`node.turn-recorded:${record}`, ['Porter', `saga${record}`], async () => {
      await expect(porter.drop('x', file, false)).rejects.toMatchObject({ code: 'USER_ERROR' });
    });
    expect(effects(file)).toEqual(['lift', 'turn', 'undo-turn', 'undo-lift']);
    expect(await porter.ids()).toEqual([]);
  });

  it('that has recorded what a method yields and given it to nobody', async () => {
    const file = freshFile();
    await troupe.actor(Reader, 'stream', patient).read();
    const pages: Page[] = [];
    await nodeDies('node.turn-yielded:20', ['Reader', 'stream'], async () => {
      const stream = troupe.actor(Reader, 'stream', patient).stream.pages(40, file);
      for await (const page of stream) pages.push(page);
    });
    expect(pages.map(({ page }) => page)).toEqual(Array.from({ length: 40 }, (_, at) => at));
    // The step of the next page may have been under way.
    expect(new Set(linesOf(file)).size).toBe(40);
    expect(linesOf(file).length).toBeLessThanOrEqual(41);
  });

  it.each([
    ['asked-how-it-was', 'node.passage-found:1'],
    ['about-to-write-what-it-was', 'node.put-checkpoint:1'],
  ])('with an actor that goes back in time: %s', async (scope, point) => {
    await goesBack(scope, (act) => nodeDies(point, ['Account', `${scope}-b`], act));
  });

  it.each([
    ['eight-held', 'node.passage-found:1'],
    ['eight-back', 'node.put-checkpoint:1'],
  ])('with an actor to a turn of which eight go back: %s', async (scope, point) => {
    await goesBackToTurn(scope, (act) => nodeDies(point, ['Account', `${scope}-0`], act));
  });

  it.each(['node.place-seen:1', 'node.restore:1', 'node.put-checkpoint:1'])(
    'on which a fork comes to be, at %s',
    async (point) => {
      const key = `forked-${point.replace(/\W/g, '-')}`;
      await forks(key, async (act) => {
        const victim = await startVictim(point);
        await act();
        expect(await victim.exited).toEqual(killed);
      });
    },
  );

  it.each(['node.passage-found:1', 'node.put-checkpoint:1'])(
    'with an actor that goes back to a checkpoint, at %s',
    async (point) => {
      const key = `restored-${point.replace(/\W/g, '-')}`;
      await restores(key, (act) => nodeDies(point, ['Counter', key], act));
    },
  );

  // The second checkpoint is the rest: what was done while the first one was written ahead.
  it.each([
    'node.put-checkpoint:1',
    'node.put-checkpoint:2',
    'node.prepare:1',
    'node.handed-over:1',
    'node.released:1',
  ])('that hands an actor over, at %s', async (point) => {
    const key = point.replace(/\W/g, '-');
    await troupe.actor(Counter, key).add('first');
    await nodeDies(point, ['Counter', key], async () => {
      // Else there may be nothing to be written ahead.
      await troupe.actor(Counter, key).add('second');
      await addsMeanwhile(key, () => moves(key, 'n1'));
    });
  });

  it.each(['node.prepared:1', 'node.restore:1', 'node.place-seen:1'])(
    'that an actor is handed over to, at %s',
    async (point) => {
      const key = point.replace(/\W/g, '-');
      await troupe.actor(Counter, key).add('first');
      const victim = await startVictim(point);
      await addsMeanwhile(key, async () => {
        await moves(key, victim.name);
        expect(await victim.exited).toEqual(killed);
      });
    },
  );
});

describe('nothing is lost, doubled or out of order when the leader dies', () => {
  it('as the receiver of a letter comes to be', async () => {
    await troupe.actor(Sender, 'led', patient).post([], 'none');
    await leaderDies('scheduler.actor-created:1', () => posts('led', ['new-a', 'new-b']));
  });

  it('as a fork comes to be', async () => {
    await forks('led-forked', (act) => leaderDies('scheduler.actor-created:1', act));
  });

  // The state of the fork does not lie in the store yet, or nothing knows of it.
  it.each(['gateway.plant:1', 'gateway.planted:1'])(
    'that carries the request for a fork, at %s',
    async (point) => {
      const key = `carried-${point.replace(/\W/g, '-')}`;
      await forks(key, (act) => leaderDies(point, act));
    },
  );

  it.each(['scheduler.rewind-begun:1', 'scheduler.scope-rewound:1'])(
    'as an actor goes back to a checkpoint, at %s',
    async (point) => {
      const key = `led-${point.replace(/\W/g, '-')}`;
      await restores(key, (act) => leaderDies(point, act));
    },
  );

  it('that has journaled a timer and told nobody', async () => {
    await troupe.actor(Clock, 'led').count();
    await leaderDies('scheduler.timers-told:1', () => windOnce('led'));
  });

  it('that has journaled that a timer fired, and told nobody', async () => {
    await troupe.actor(Clock, 'led-fired').count();
    await leaderDies('scheduler.timers-told:2', () => windOnce('led-fired'));
  });

  it('while a turn is within a step', async () => {
    const file = freshFile();
    const porter = troupe.actor(Porter, 'led-steps', patient);
    const carried = porter.carry('x', file, true);
    await leaderDiesMeanwhile(file);
    expect(await carried).toBe(1);
    expect(effects(file)).toEqual(['first', 'second', 'third']);
    expect(await porter.ids()).toEqual(['x']);
  });

  it('while a turn undoes what it did', async () => {
    const file = freshFile();
    const porter = troupe.actor(Porter, 'led-saga', patient);
    const dropped = expect(porter.drop('x', file, true)).rejects.toMatchObject({
      code: 'USER_ERROR',
    });
    await leaderDiesMeanwhile(file);
    await dropped;
    expect(effects(file)).toEqual(['lift', 'turn', 'undo-turn', 'undo-lift']);
    expect(await porter.ids()).toEqual([]);
  });

  it.each(['rewind-begun', 'scope-rewound'])(
    'as a scope goes back in time, at %s',
    async (fact) => {
      await goesBack(`led-${fact}`, (act) => leaderDies(`scheduler.${fact}:1`, act));
    },
  );

  it.each(['rewind-begun', 'scope-rewound'])(
    'as eight actors go back to a turn of one of them, at %s',
    async (fact) => {
      await goesBackToTurn(`eight-${fact}`, (act) => leaderDies(`scheduler.${fact}:1`, act));
    },
  );

  it.each(['actor-migrating', 'actor-placed'])('as an actor moves, at %s', async (fact) => {
    const key = `led-${fact}`;
    await troupe.actor(Counter, key).add('first');
    const other = await stage.cluster.startNode({ name: 'other' });
    await leaderDies(`scheduler.${fact}:1`, () => addsMeanwhile(key, () => moves(key, 'other')));
    other.kill('SIGTERM');
    await other.exited;
  });
});
