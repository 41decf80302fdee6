/** What methods yield is taken whole, whatever dies: checked by positions. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';
import { afterAll, afterEach, expect, it } from 'vitest';
import { type Page, Reader } from '../agents/streams.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/streams.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-streams-'));

let stage: Scene;

afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await stage?.stop();
});

async function open(options: Parameters<typeof scene>[0]): Promise<void> {
  stage = await scene(options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

async function killHost(key: string): Promise<void> {
  const host = await stage.hostOf(`default/Reader/${key}`);
  const node = stage.cluster.nodes.find(({ name, running }) => name === host && running);
  if (node === undefined) throw new Error(`no node ${host}`);
  node.kill('SIGKILL');
  await node.exited;
}

/** A client of its own, whose calls go by the gateway of the leader. */
async function nearLeader(): Promise<{ troupe: Troupe; leader: string }> {
  const { schedulers, addresses } = stage.cluster;
  const { leader } = await stage.troupe.status();
  const at = schedulers.findIndex(({ name }) => name === leader);
  const near = [...addresses.slice(at), ...addresses.slice(0, at)].join(',');
  return { troupe: await connect({ address: near }), leader };
}

/** Each position once, in order, with no gap: of the values too, which name their page. */
function expectWhole(taken: readonly Page[], count: number): void {
  expect(taken.map(({ page }) => page)).toEqual(Array.from({ length: count }, (_, at) => at));
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const value of values) taken.push(value);
  return taken;
}

it('when its node is killed in the middle, and the next one too', async () => {
  await open({ nodes: 3 });
  const file = join(folder, 'nodes');
  const stream = stage.troupe.actor(Reader, 'n').stream.pages(150, file);
  const taken: Page[] = [];
  for await (const page of stream) {
    taken.push(page);
    expect(stream.position).toBe(taken.length);
    if (taken.length === 30 || taken.length === 90) await killHost('n');
  }
  expectWhole(taken, 150);
  expect(new Set(taken.map(({ run }) => run)).size).toBe(3);
  expect(await stream.reply()).toBe(150);
  // What was given is what is recorded: whoever takes later is given the same, run by run.
  const { id } = stream;
  const again = stage.troupe.actor(Reader, 'n', { stream: id }).stream.pages(150, file);
  expect(await all(again)).toEqual(taken);
  expect(await stage.troupe.actor(Reader, 'n').read()).toBe(150);
  const effects = readFileSync(file, 'utf8').trim().split('\n');
  expect(new Set(effects).size).toBe(150);
  // A step under way when its node died is done again; no other is.
  expect(effects.length).toBeLessThanOrEqual(152);
});

it('when the scheduler that leads, and carries it, is killed in the middle', async () => {
  await open({ nodes: 2, schedulers: 2 });
  const { troupe, leader } = await nearLeader();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  const stream = troupe.actor(Reader, 's').stream.pages(150, join(folder, 'scheduler'));
  const taken: Page[] = [];
  for await (const page of stream) {
    taken.push(page);
    if (taken.length !== 40) continue;
    leading?.kill('SIGKILL');
    await leading?.exited;
  }
  expectWhole(taken, 150);
  expect(new Set(taken.map(({ run }) => run)).size).toBe(1);
  expect(await stream.reply()).toBe(150);
  await troupe.close();
});

it('when its client is gone, and another one goes on from the position it had', async () => {
  await open({ nodes: 2 });
  const file = join(folder, 'clients');
  const { addresses } = stage.cluster;
  const first = await connect({ address: addresses.join(',') });
  const left = first.actor(Reader, 'c').stream.pages(100, file);
  const taken: Page[] = [];
  for await (const page of left) {
    taken.push(page);
    if (taken.length === 25) break;
  }
  await first.close();
  await killHost('c');
  const { id: stream, position: from } = left;
  const rest = stage.troupe.actor(Reader, 'c', { stream, from }).stream.pages(100, file);
  taken.push(...(await all(rest)));
  expectWhole(taken, 100);
  expect(await rest.reply()).toBe(100);
  expect(await stage.troupe.actor(Reader, 'c').read()).toBe(100);
});

it('when its runner crashes under it', async () => {
  await open({ nodes: 1 });
  const file = join(folder, 'crashed');
  const pages = await all(stage.troupe.actor(Reader, 'r').stream.crashes(5, 12, file));
  expect(pages).toEqual(Array.from({ length: 12 }, (_, at) => at));
  expect(existsSync(file)).toBe(true);
});

it('when it is longer than what is kept, and its client slow', async () => {
  await open({ nodes: 1 });
  const taken: number[] = [];
  for await (const { at, text } of stage.troupe.actor(Reader, 'l').stream.large(100)) {
    expect(text.length).toBe(50_000);
    taken.push(at);
    // Of a client that takes its time.
    if (at % 10 === 0) await stage.troupe.status();
  }
  expect(taken).toEqual(Array.from({ length: 100 }, (_, at) => at));
});
