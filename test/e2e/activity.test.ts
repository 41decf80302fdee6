/** What goes on at actors and tasks of a real cluster, as whoever looks sees it. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import type { ActorActivity } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { crawl, Scanner } from '../agents/scanning.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/scanning.ts', import.meta.url));
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

async function open(options: Parameters<typeof scene>[0]): Promise<void> {
  stage = await scene(options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

async function activity(key: string): Promise<ActorActivity | undefined> {
  return (await stage.troupe.actors.show(Scanner, key))?.activity;
}

it('progress of a turn is seen, by the next leader too, and is gone with its node while the turn goes on elsewhere', async () => {
  await open({ nodes: 2, schedulers: 2 });
  const { troupe, cluster } = stage;
  const scanner = troupe.actor(Scanner, 'a', { deadlineMs: 60_000 });
  const scanned = scanner.scan('Emma');
  const isSaid = async () => {
    const turn = (await activity('a'))?.turn;
    return turn?.progress?.text === 'half of Emma' && turn.forMs === undefined;
  };
  await stage.until('it says how far it is', isSaid);
  await stage.killLeader();
  await stage.until('the next leader is told as well', isSaid);
  const host = await stage.hostOf('default/Scanner/a');
  const node = cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  // Also of an actor whose node has just died something is shown, in bounded time.
  expect((await troupe.actors.show(Scanner, 'a'))?.actor).toBe('default/Scanner/a');
  await stage.until('it lives elsewhere', async () => {
    return (await stage.hostOf('default/Scanner/a')) !== host;
  });
  await troupe.signal(Scanner, 'a', 'goOn', null, { deadlineMs: 60_000 });
  expect(await scanned).toBe(1);
  expect(await troupe.actor(Scanner, 'a').pages()).toEqual(['Emma']);
  expect((await activity('a'))?.turn).toBeUndefined();
});

it('progress of an attempt is seen with the tasks, and changes', async () => {
  await open({ nodes: 1 });
  const { troupe } = stage;
  const abort = new AbortController();
  const crawled = troupe.task(crawl, undefined, { signal: abort.signal }).catch(() => undefined);
  const texts = new Set<string>();
  await stage.until('it goes on', async () => {
    const { tasks } = await troupe.tasks({ activity: true });
    const text = tasks.find(({ name }) => name === 'crawl')?.progress?.text;
    if (text !== undefined) texts.add(text);
    return texts.size >= 3;
  });
  abort.abort();
  await crawled;
});

it('the cpu time and the bytes of an actor are told, and of its last turn', async () => {
  await open({ nodes: 1 });
  const scanner = stage.troupe.actor(Scanner, 'b');
  await scanner.burn(30);
  await scanner.burn(60);
  const use = (await activity('b'))?.use;
  expect(use).toMatchObject({ turns: 2, reads: 0, unmeasured: 0 });
  expect(use?.cpuMs).toBeGreaterThanOrEqual(90);
  expect(use?.last).toMatchObject({ method: 'burn' });
  expect(use?.last?.cpuMs).toBeGreaterThanOrEqual(60);
  expect(use?.outBytes).toBeGreaterThan(4_000);
});
