/** Runs that fail on a real cluster undo what they did, whatever dies under them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Dies, trip } from '../agents/undone.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/undone.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-undone-'));
let stage: Scene;

beforeAll(async () => {
  stage = await scene({ nodes: 3, schedulers: 2 });
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
});
afterAll(async () => {
  await stage?.stop();
  rmSync(folder, { recursive: true });
});

/** Side effects in order, with the task that each was of. */
function effects(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n');
}

it.each<Dies>(['node', 'leader'])(
  'a run that fails undoes each block once, what ended last first, though its %s dies by kill -9 meanwhile',
  async (dies) => {
    const { troupe } = stage;
    const file = join(folder, dies);
    const run = await troupe.start(trip, { file, dies, counter: dies }, { run: `undone-${dies}` });
    const ended = run.result();
    const failed = expect(ended).rejects.toMatchObject({
      code: 'USER_ERROR',
      details: { block: 'flight' },
    });
    await stage.until('the car is being undone', async () => existsSync(`${file}.died`));
    if (dies === 'leader') {
      expect(await run.view()).toMatchObject({
        state: 'running',
        undo: { done: 3, failed: 0, all: 5 },
      });
      await stage.killLeader();
    }
    writeFileSync(`${file}.go`, '');
    await failed;
    const names = (lines: readonly string[]) => lines.map((line) => line.split(' run:')[0]);
    expect(names([...new Set(effects(file))])).toEqual([
      'hotel',
      'car',
      'seat-a',
      'seat-b',
      'undo-seat-b of b',
      'undo-seat-a of a',
      'undo-car',
      'undo-hotel',
    ]);
    // What was at work on a node that died is done again, as the same task.
    const again = names(effects(file)).filter((name) => name === 'undo-car');
    expect(again).toHaveLength(dies === 'node' ? 2 : 1);
    expect(effects(file)).toHaveLength(dies === 'node' ? 9 : 8);
    expect(await troupe.actor(Counter, dies).ids()).toEqual(['paid', 'paid back 1']);
    const { state, undo } = await run.view();
    expect([state, undo?.done, undo?.failed]).toEqual(['failed', 5, 0]);
    expect(undo?.blocks.map(({ block }) => block)).toEqual([
      'seat[1]',
      'seat[0]',
      'pay',
      'car',
      'hotel',
    ]);
  },
);
