/** Blocks of a run that stand on turns beyond a line, on a real cluster. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Shelf, stock } from '../agents/blocks.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/blocks.ts', import.meta.url));
const shelves = ['near', 'far', 'lent'];
let stage: Scene;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-blocks-'));
});

afterEach(async () => {
  await stage?.stop();
  rmSync(folder, { recursive: true });
});

/** A run of which four blocks were answered after the savepoint `opened`, and one is waiting for that. */
async function begin() {
  stage = await scene({ nodes: 3, schedulers: 2 });
  const { troupe } = stage;
  await troupe.deploy((await bundleFile(bundle)).bytes);
  // One of them is in another scope: it does not go back with those of the run.
  const lent = troupe.actor(Shelf, 'lent', { scope: 'others' });
  await lent.put();
  const run = await troupe.start(stock, { folder, shelves }, { run: 'monday' });
  const stateOf = async (id: string) => {
    return (await run.view()).blocks.find(({ block }) => block === id)?.state;
  };
  await stage.until('it waits for somebody', async () => (await stateOf('open')) === 'paused');
  const scope = troupe.scope('run:monday');
  await scope.savepoint('opened');
  await run.resume('open', true);
  await stage.until('a turn is under way', async () => existsSync(join(folder, 'holding')));
  return { run, scope };
}

it('the dry run of a rewind names exactly the blocks of runs that were answered beyond the line, whatever was killed', async () => {
  const { run, scope } = await begin();
  const { troupe, cluster } = stage;
  /** Every call of the actor beyond the line, by the id that it was answered. */
  const callsOf = async (key: string, from: number) => {
    return (await troupe.actor(Shelf, key).calls()).slice(from);
  };
  const near = await callsOf('near', 1);
  const far = await callsOf('far', 0);
  const blocks = async (of: string, to: Parameters<typeof scope.line>[0]) => {
    const shown = await troupe.scope(of).line(to);
    expect(shown.blockCount).toBe(shown.blocks.length);
    return shown.blocks.map(({ turn: _, call, ...block }) => {
      return { ...block, call: call.slice(call.indexOf('run:monday')) };
    });
  };
  const idOf = (key: string) => `default/Shelf/${key}`;
  const of = (block: string, key: string, calls: number, state = 'done') => {
    return { run: 'monday', runState: 'running', block, state, actor: idOf(key), calls };
  };
  /** What the actor itself remembers of the calls of a block. */
  const remembered = (block: string, calls: readonly string[]) => {
    return calls.filter((id) => id.includes(`task:run:monday:${block}:`));
  };
  const expected = [
    of('each[0]', 'near', 2),
    of('each[1]', 'far', 2),
    of('held', 'far', 1, 'running'),
    of('one', 'near', 1),
  ];
  const check = async () => {
    const found = await blocks('run:monday', { savepoint: 'opened' });
    expect(found).toMatchObject(expected);
    expect(found).toHaveLength(expected.length);
    for (const { block, actor, call, calls } of found.filter(({ state }) => state === 'done')) {
      const ids = remembered(block, actor === idOf('near') ? near : far);
      expect([ids.length, ids[0]?.endsWith(call)]).toEqual([calls, true]);
    }
    // Of the other scope it is that block whose calls reached it, and no client.
    const others = await blocks('others', { actor: idOf('lent'), turn: 1 });
    expect(others).toMatchObject([of('each[2]', 'lent', 2)]);
  };
  await check();
  const host = await stage.hostOf(idOf('near'));
  cluster.nodes.find(({ name }) => name === host)?.kill('SIGKILL');
  await stage.until('it lives elsewhere', async () => (await stage.hostOf(idOf('near'))) !== host);
  await check();
  await stage.killLeader();
  await check();

  writeFileSync(join(folder, 'go'), '');
  await run.result();
  const ended = await blocks('run:monday', { savepoint: 'opened' });
  expect(ended).toMatchObject(
    expected.map((block) => ({ ...block, state: 'done', runState: 'done' })),
  );
});

it('blocks stay as they are when the scope of their run goes back, one that waits is told, and a new run begins from where they stood', async () => {
  const { run, scope } = await begin();
  const near = stage.troupe.actor(Shelf, 'near');
  const [early] = await near.calls();
  await scope.rewind({ savepoint: 'opened' });
  expect(await near.calls()).toEqual([early]);
  await expect(run.result()).rejects.toMatchObject({ code: 'REWOUND' });
  const { blocks } = await run.view();
  const stateOf = (id: string) => blocks.find(({ block }) => block === id)?.state;
  expect(['early', 'each', 'one', 'held'].map(stateOf)).toEqual(['done', 'done', 'done', 'failed']);
  writeFileSync(join(folder, 'go'), '');
  const again = await run.again({ block: 'each', run: 'tuesday' });
  await again.result();
  const calls = await near.calls();
  expect(calls[0]).toBe(early);
  const blockOf = (id: string) => /task:run:(\w+):(.+):\w+:\d+$/.exec(id)?.slice(1).join(' ');
  expect(calls.slice(1).map(blockOf)).toEqual([
    'tuesday each[0]',
    'tuesday each[0]',
    'tuesday one',
  ]);
});
