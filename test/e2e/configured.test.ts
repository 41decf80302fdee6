/** What agents are configured with on a real cluster, whatever dies, and where secrets never stand. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterAll, afterEach, expect, it } from 'vitest';
import { Writer } from '../agents/configured.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/configured.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-configured-'));
const secret = `sk-${'very-secret-'.repeat(3)}4711`;
const wide = { deadlineMs: 60_000 };
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open(options: Parameters<typeof scene>[0]): Promise<void> {
  stage = await scene(options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

async function killHostOf(actor: string): Promise<void> {
  const host = await stage.hostOf(actor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
}

async function killLeader(): Promise<void> {
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
}

/** Files below a folder in which these bytes stand. */
function filesWith(root: string, bytes: Buffer): string[] {
  const found: string[] = [];
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const path = join(root, name);
    if (statSync(path).isFile() && readFileSync(path).includes(bytes)) found.push(path);
  }
  return found;
}

it('a turn sees what it began with, whatever is set and whoever is killed meanwhile', async () => {
  await open({ nodes: 3, schedulers: 2 });
  const { troupe } = stage;
  const writer = troupe.actor(Writer, 'a', { ...wide, waitsMs: 120_000 });
  await troupe.config.set({ model: 'small' });
  await stage.until('it is seen', async () => {
    await writer.note();
    return (await writer.notes()).includes('small');
  });
  const drafted = writer.draft();
  await stage.until('it waits', async () => {
    return (await troupe.actors.show(Writer, 'a'))?.activity?.turn?.method === 'draft';
  });
  await troupe.config.set({ model: 'large' });
  await killHostOf('default/Writer/a');
  await writer.notes();
  await killLeader();
  expect(await troupe.config.show()).toMatchObject({ version: 2, values: { model: 'large' } });
  await killHostOf('default/Writer/a');
  await writer.notes();
  await troupe.signal(Writer, 'a', 'go', null, wide);
  expect(await drafted).toEqual(['small', 'small']);
  await writer.note();
  expect((await writer.notes()).slice(-2)).toEqual([['small', 'small'], 'large']);
});

it('another version is seen by all that begins, once it is acknowledged and its nodes have heard', async () => {
  await open({ nodes: 2 });
  const { troupe } = stage;
  const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
  await Promise.all(keys.map((key) => troupe.actor(Writer, key).note()));
  await troupe.config.set({ model: 'small' });
  await Promise.all(
    keys.map((key) =>
      stage.until(`${key} sees it`, async () => {
        const writer = troupe.actor(Writer, key);
        await writer.note();
        return (await writer.notes()).at(-1) === 'small';
      }),
    ),
  );
  const notes = await Promise.all(keys.map((key) => troupe.actor(Writer, key).notes()));
  for (const seen of notes) {
    expect(seen.join()).toMatch(/^(null|)(,(null|))*(,small)+$/);
  }
});

it('a secret is had by whoever may, and stands in no log, no store and no answer', async () => {
  process.env['TROUPE_TEST_SECRET'] = secret;
  const dataDir = join(folder, 'cluster');
  const secrets = { environment: ['TROUPE_TEST_SECRET'], folders: [] };
  await open({ nodes: 1, dataDir, nodeConfig: { secrets } });
  delete process.env['TROUPE_TEST_SECRET'];
  const { troupe } = stage;
  await troupe.config.set({
    apiKey: 'secret:env:TROUPE_TEST_SECRET',
    path: 'secret:env:PATH',
  });
  const writer = troupe.actor(Writer, 'a', { ...wide, waitsMs: 60_000 });
  await stage.until('it is seen', async () => {
    return (await writer.length().catch(() => 0)) === secret.length;
  });
  const printed = writer.prints();
  const shown: string[] = [];
  await stage.until('it has printed', async () => {
    const view = await troupe.actors.show(Writer, 'a');
    shown.push(JSON.stringify(view));
    return view?.activity?.turn?.progress !== undefined;
  });
  await troupe.signal(Writer, 'a', 'go');
  await printed;
  const thrown = String(await writer.throws().catch((error: unknown) => error));
  expect(thrown).toContain('refused secret:env:TROUPE_TEST_SECRET');
  await expect(writer.keeps()).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
  await expect(writer.notAllowed()).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
  shown.push(thrown, JSON.stringify(await troupe.config.show()));
  expect(shown.filter((text) => text.includes(secret))).toEqual([]);
  await stage.stop();
  // What was said stands there, so a secret that was written would be found.
  expect(filesWith(dataDir, Buffer.from('the log has secret:env:')).length).toBeGreaterThan(0);
  expect(filesWith(dataDir, Buffer.from(secret))).toEqual([]);
});
