/** Outputs of megabytes, on real servers: whole, in parts, through a failure, and gone afterwards. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { names, openLink, realClock, silentLogger } from '@troupe/fabric';
import { cellName, limits } from '@troupe/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  archive,
  bytesOf,
  hashOf,
  judge,
  type Made,
  make,
  nearby,
  tiny,
  wide,
} from '../agents/large.ts';
import { journalOf, withFabric } from './journal.ts';
import { type Scene, scene } from './scene.ts';

const bytes = 5_000_000;
let stage: Scene;

beforeAll(async () => {
  stage = await scene({ nodes: 3 });
  const bundle = fileURLToPath(new URL('../agents/large.ts', import.meta.url));
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
});
afterAll(async () => {
  await stage?.stop();
});

function expectMade(made: Made, salt: number): void {
  expect(made.title).toBe(`number ${salt}`);
  const [first, second] = [bytesOf(bytes / 2, salt), bytesOf(bytes / 2, salt + 1)];
  expect(Buffer.compare(made.pages[0] ?? Buffer.of(), first)).toBe(0);
  expect(Buffer.compare(made.pages[1] ?? Buffer.of(), second)).toBe(0);
}

const objects = () => withFabric(stage.cluster, (fabric) => fabric.outputs.list());

it('a task gives 5 MB to its caller, and the same id gives the same again', async () => {
  for (const _ of [1, 2]) {
    expectMade(await stage.troupe.task(make, { bytes, salt: 7 }, { id: 'five' }), 7);
  }
  const [first, second] = await stage.troupe.gang([
    { task: make, input: { bytes, salt: 8 } },
    { task: make, input: { bytes, salt: 9 } },
  ]);
  expectMade(first as Made, 8);
  expectMade(second as Made, 9);
});

it('beyond 16 MiB an output is refused with its size', async () => {
  const most = limits.objectBytesMax - 16;
  expect((await stage.troupe.task(wide, most)).length).toBe(most);
  await expect(stage.troupe.task(wide, limits.objectBytesMax)).rejects.toMatchObject({
    code: 'TOO_LARGE',
    message: expect.stringContaining(`${limits.objectBytesMax} are allowed`),
  });
});

it('5 MB made by a block outlive the node that made them, whole and in part, to the last byte', async () => {
  const run = await stage.troupe.start(archive, { bytes, salt: 20 }, { run: 'archive-1' });
  await stage.until('it waits', async () => (await run.view()).state === 'waiting');
  const done = async () => (await run.view()).blocks.find(({ block }) => block === 'make')?.state;
  await stage.until('it is made', async () => (await done()) === 'done');
  const { made } = (await journalOf(stage.cluster)).reduce(
    (found, fact) =>
      fact.kind === 'task-started' && fact.task === 'run:archive-1:make'
        ? { made: String(fact.node) }
        : found,
    { made: '' },
  );
  const node = stage.cluster.nodes.find(({ name }) => made.startsWith(`${name}.`));
  node?.kill('SIGKILL');
  await node?.exited;
  await run.resume('go', { yes: true });
  const output = await run.result();
  expectMade(output.made, 20);
  expect(output.made.node).toBe(node?.pid);
  const hashes = [bytesOf(bytes / 2, 20), bytesOf(bytes / 2, 21)].map(hashOf);
  expect(output.whole).toMatchObject({ title: 'number 20', hashes });
  expect(output.whole.node).not.toBe(node?.pid);
  expect(output.page).toBe(hashes[1]);
  // It stands nowhere in the journal: neither in the facts of its block nor in those of the run.
  const facts = await journalOf(stage.cluster);
  const ended = facts.filter(({ kind, task }) => kind === 'task-ended' && task?.endsWith(':make'));
  expect(ended).toHaveLength(1);
  expect(JSON.stringify(facts).length).toBeLessThan(bytes / 2);
});

it('with the strategy locality a block runs on the node that made what it takes', async () => {
  const run = await stage.troupe.start(nearby, [1, 2, 3, 4, 5, 6]);
  const branches = await run.result();
  expect(branches).toHaveLength(6);
  for (const { made, looked } of branches) expect(looked).toBe(made);
});

it('what the scheduler would have to read of a large value fails with its place and a way out', async () => {
  const run = await stage.troupe.start(judge, { bytes, salt: 1 }, { run: 'judge-1' });
  await expect(run.result()).rejects.toMatchObject({
    code: 'OUT_OF_REACH',
    message: expect.stringMatching(
      /block "long" .*"blocks\.make\.title" lies in a value of .* task/,
    ),
  });
});

it('a damaged object is found, and named to whoever asks for it', async () => {
  const before = new Set(await objects());
  const run = await stage.troupe.start(archive, { bytes, salt: 30 }, { run: 'archive-2' });
  await stage.until('it is stored', async () => (await objects()).some((one) => !before.has(one)));
  await stage.until('it waits', async () => (await run.view()).state === 'waiting');
  const object = (await objects()).find((one) => !before.has(one)) ?? -1;
  await spoil(object);
  // Nobody has it in memory any more.
  for (const node of [...stage.cluster.nodes]) node.kill('SIGKILL');
  await Promise.all(stage.cluster.nodes.map(({ exited }) => exited));
  await stage.cluster.startNode();
  await run.resume('go', { yes: true });
  await expect(run.result()).rejects.toMatchObject({
    code: 'OBJECT_CORRUPT',
    message: expect.stringContaining(`object ${object} `),
  });
});

it('an object is gone once its run is forgotten, those of others stay', async () => {
  const before = new Set(await objects());
  const run = await stage.troupe.start(archive, { bytes, salt: 40 }, { run: 'archive-3' });
  await stage.until('it waits', async () => (await run.view()).state === 'waiting');
  await run.resume('go', { yes: true });
  expectMade((await run.result()).made, 40);
  const own = (await objects()).filter((one) => !before.has(one));
  expect(own).toHaveLength(1);
  // Finished runs are kept up to a number; then the oldest go.
  const more = Array.from({ length: limits.finishedRunsMax + 1 }, (_, n) => n);
  for (let at = 0; at < more.length; at += 100) {
    const some = more.slice(at, at + 100);
    await Promise.all(some.map(async (n) => (await stage.troupe.start(tiny, n)).result()));
  }
  await stage.until('it is gone', async () => {
    const left = new Set(await objects());
    return own.every((one) => !left.has(one));
  });
  // That of a task that is still remembered is there.
  expectMade(await stage.troupe.task(make, { bytes, salt: 7 }, { id: 'five' }), 7);
}, 300_000);

/** Changes one byte of what is stored. */
async function spoil(object: number): Promise<void> {
  const { url, user, password } = stage.cluster.servers.nats;
  const nats = { servers: [url], user, password, requireSync: false };
  const shared = { nats, replicas: 1 as const, name: 'spoiler', clock: realClock };
  const link = await openLink({ ...shared, logger: silentLogger, role: 'store' });
  try {
    const { outputStream, output } = names(cellName(stage.cluster.cell));
    const subjects_filter = output(object, '>');
    const { state } = await link.jsm.streams.info(outputStream, { subjects_filter });
    const [subject = ''] = Object.keys(state.subjects ?? {});
    const { data } = await link.jsm.streams.getMessage(outputStream, { last_by_subj: subject });
    await link.js.publish(
      subject,
      Uint8Array.from(data, (byte, at) => (at === 1_000 ? byte ^ 1 : byte)),
    );
  } finally {
    await link.close();
  }
}
