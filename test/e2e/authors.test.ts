/** What the author of an agent declares, on a real cluster, and what dies meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Author } from '../agents/authors.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/authors.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-authors-'));
const patient = { deadlineMs: 300_000 };
let stage: Scene;
let client: ChildProcess | undefined;
let file: string;
let stop: string;
let files = 0;

beforeAll(async () => {
  stage = await scene({ nodes: 2, schedulers: 2, nodeConfig: { runners: 1 } });
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
});
beforeEach(() => {
  files += 1;
  file = join(folder, `lines${files}`);
  stop = join(folder, `stop${files}`);
  writeFileSync(stop, '');
});
afterAll(async () => {
  client?.kill('SIGKILL');
  await stage?.stop();
  rmSync(folder, { recursive: true });
});

const author = (key: string) => stage.troupe.actor(Author, key, patient);

function lines(): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

async function killHostOf(key: string): Promise<void> {
  const actor = `default/Author/${key}`;
  const host = await stage.hostOf(actor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode({ runners: 1 });
  await stage.until(`${key} lives elsewhere`, async () => (await stage.hostOf(actor)) !== host);
}

it('an ill actor is listed with its reason until it is well, on the next node and by the next leader too, and does all it is told', async () => {
  const failure = async () => (await stage.troupe.actors.show(Author, 'ill'))?.failure?.code;
  await author('ill').fallsIllBy(stop);
  await stage.until('it is found ill', async () => (await failure()) === 'UNHEALTHY');
  const told = Array.from({ length: 20 }, (_, n) => author('ill').add(`x${n}`));
  await killHostOf('ill');
  await stage.until('it is found ill there', async () => (await failure()) === 'UNHEALTHY');
  await stage.killLeader();
  await stage.until('the next leader knows', async () => (await failure()) === 'UNHEALTHY');
  rmSync(stop);
  await Promise.all(told);
  await stage.until('it is well', async () => (await failure()) === undefined);
  expect((await author('ill').ids()).sort()).toEqual(told.map((_, n) => `x${n}`).sort());
});

it('of steps side by side those that ended are not done again on the next node, whoever leads, and the other one under its effect id', async () => {
  const turn = author('three').three('t', file, stop);
  await stage.until('two have ended, and one stands', async () => lines().length === 3);
  await killHostOf('three');
  await stage.until('it stands there', async () => lines().length > 3);
  await stage.killLeader();
  rmSync(stop);
  await killHostOf('three');
  await turn;
  const count = new Map<string, number>();
  for (const line of lines()) count.set(line, (count.get(line) ?? 0) + 1);
  const done = [...count].map(([line, times]) => [line.slice(0, 1), times]).sort();
  expect(done).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 3],
  ]);
  expect(await author('three').ids()).toEqual(['t/a', 't/b', 't/c']);
});

it('a step without a bound on its tries goes on trying on the next node, under one effect id, and counts once', async () => {
  const turn = author('tries').tries('u', file, stop);
  await stage.until('it has tried', async () => lines().length > 3);
  await killHostOf('tries');
  const before = lines().length;
  await stage.until('it tries there', async () => lines().length > before + 3);
  await stage.killLeader();
  rmSync(stop);
  await turn;
  expect(new Set(lines()).size).toBe(1);
  expect(await author('tries').ids()).toEqual(['u']);
});

it('each call of a pool takes effect once at one of its members, though a node with some of them dies, and the leader', async () => {
  const pool = stage.troupe.pool(Author, 6, patient);
  const ids = Array.from({ length: 120 }, (_, n) => `p${n}`);
  await Promise.all(ids.slice(0, 30).map((id) => pool.add(id)));
  const rest = ids.slice(30).map((id) => pool.add(id));
  await killHostOf('pool.0');
  const more = Array.from({ length: 60 }, (_, n) => `q${n}`);
  const later = more.map((id) => pool.add(id));
  await stage.killLeader();
  await Promise.all([...rest, ...later]);
  const members = Array.from({ length: 6 }, (_, n) => author(`pool.${n}`).ids());
  expect((await Promise.all(members)).flat().sort()).toEqual([...ids, ...more].sort());
});

it('what belongs to a client goes on while that lives, whoever leads, and ends after its process was killed', async () => {
  const address = stage.cluster.addresses.join(',');
  const script = `
    import { connect } from '@troupe/sdk';
    const troupe = await connect({ address: '${address}' });
    await troupe.actors.create('Author', 'owned', { owner: 'session' });
    console.log('made');`;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  client = owner;
  await once(owner.stdout, 'data');
  await author('owned').add('while it lives');
  await stage.killLeader();
  expect(await author('owned').ids()).toEqual(['while it lives']);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  const isThere = async () => (await stage.troupe.actors.show(Author, 'owned')) !== undefined;
  expect(await isThere()).toBe(true);
  // A client is given up after 60 s.
  while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 500));
}, 240_000);
