/** A method that crashes its runner, beside others that do not. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { Counter, Sender } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;
const folder = mkdtempSync(join(tmpdir(), 'troupe-poison-'));

afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await stage?.stop();
});

it.each(['crash', 'eat'] as const)(
  'a method that ends its runner (%s) fails alone: calls, reads and letters beside it take effect once',
  async (how) => {
    stage = await scene({ nodes: 1, nodeConfig: { runners: 1, runnerMemory: 96 } });
    const counter = (key: string) => stage.troupe.actor(Counter, key, { deadlineMs: 120_000 });
    const began = (key: string) => join(folder, `${how}-${key}`);
    const called = ['c1', 'c2', 'c3', 'c4'];
    const written = ['l1', 'l2', 'l3', 'l4'];
    const calls = called.map((key) => counter(key).addSlowly('x', 1_500, began(key)));
    const read = counter('r').idsSlowly(1_500, began('r'));
    const letters = written.map((key) => ({ key, ms: 1_500, began: began(key) }));
    await stage.troupe.actor(Sender, 's').postSlowly(letters, 'x');
    const all = [...called, ...written, 'r'];
    await stage.until('all of them run', async () => all.every((key) => existsSync(began(key))));
    // While they run, and again while they are run again.
    await expect(counter('poison')[how]()).rejects.toMatchObject({ code: 'RUNNER_CRASHED' });
    expect(await Promise.all(calls)).toEqual(called.map(() => 1));
    expect(await read).toEqual([]);
    for (const key of [...called, ...written]) {
      await stage.until(`${key} has its one id`, async () => (await counter(key).ids()).length > 0);
      expect(await counter(key).ids()).toEqual(['x']);
    }
    expect(stage.cluster.nodes[0]?.running).toBe(true);
  },
  180_000,
);
