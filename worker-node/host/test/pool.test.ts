import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@troupe/fabric';
import {
  actorId,
  type BundleHash,
  bundleHash,
  encodeValue,
  type Failure,
  type FromRunner,
  type ToRunner,
} from '@troupe/model';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { BundleFiles } from '../src/runners/bundle-files.ts';
import { LineTap, lineLengthMax } from '../src/runners/output.ts';
import { RunnerPool } from '../src/runners/pool.ts';
import { Secrets } from '../src/runners/secrets.ts';
import { Cell } from './harness.ts';

const program = fileURLToPath(new URL('../../runner/dist/main.js', import.meta.url));

type Told =
  | { kind: 'ready'; runner: number }
  | { kind: 'failed'; why: Failure }
  | { kind: 'heard'; runner: number; frame: FromRunner }
  | { kind: 'exited'; runner: number; reason: string };

let cell: Cell;
const pools: RunnerPool[] = [];
beforeAll(async () => {
  cell = await Cell.start();
});
afterEach(() => {
  for (const pool of pools.splice(0)) pool.stop();
});
afterAll(() => cell.stop());

function pool(loadMs = 20_000) {
  const told: Told[] = [];
  let wake = () => {};
  const tell = (one: Told) => {
    told.push(one);
    wake();
  };
  const files = new BundleFiles(join(cell.folder, 'pool'), cell.fabric.objects);
  const made = new RunnerPool(
    {
      files,
      program,
      memoryMb: 256,
      environment: {},
      secrets: new Secrets({ environment: [], folders: [] }, {}),
      loadMs,
      logger: silentLogger,
    },
    {
      ready: (runner) => tell({ kind: 'ready', runner }),
      failed: (_bundle, why) => tell({ kind: 'failed', why }),
      heard: (runner, frames) => {
        for (const frame of frames) tell({ kind: 'heard', runner, frame });
      },
      exited: (runner, reason) => tell({ kind: 'exited', runner, reason }),
    },
  );
  pools.push(made);
  const next = async <K extends Told['kind']>(kind: K): Promise<Extract<Told, { kind: K }>> => {
    const is = (one: Told): one is Extract<Told, { kind: K }> => one.kind === kind;
    for (;;) {
      const found = told.find(is);
      if (found !== undefined) {
        told.splice(told.indexOf(found), 1);
        return found;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { pool: made, files, next, told };
}

async function bundleOf(source: string): Promise<BundleHash> {
  return bundleHash(await cell.fabric.objects.put(Buffer.from(source)));
}

test('a bundle that ends its process while loading is reported with its last words', async () => {
  const bundle = await bundleOf(
    "console.error('no API key'); process.exitCode = 3; process.exit();",
  );
  const { pool: subject, next } = pool();
  subject.start(bundle);
  const { why } = await next('failed');
  expect(why.code).toBe('BUNDLE_LOAD_FAILED');
  expect(why.message).toContain('exit code 3');
  expect(why.message).toContain('no API key');
  expect(subject.pids).toEqual([]);
});

test('a bundle that never finishes loading is given up', async () => {
  const bundle = await bundleOf('setInterval(() => {}, 1000); await new Promise(() => {});');
  const { pool: subject, next } = pool(300);
  subject.start(bundle);
  const { why } = await next('failed');
  expect(why).toMatchObject({ code: 'BUNDLE_LOAD_FAILED' });
  expect(why.message).toContain('did not load within 300 ms');
});

test('a bundle that nobody has is a failure that names it', async () => {
  const bundle = bundleHash('ab'.repeat(32));
  const { pool: subject, next } = pool();
  subject.start(bundle);
  const { why } = await next('failed');
  expect(why.message).toContain(bundle);
});

test('B1: a damaged file of an earlier start is fetched anew', async () => {
  const bundle = await bundleOf('export const a = 1;');
  const path = await pool().files.file(bundle);
  await writeFile(path, 'export const a = 2;');
  expect(await pool().files.file(bundle)).toBe(path);
  expect(await readFile(path, 'utf8')).toBe('export const a = 1;');
});

test('R6: a runner that does not read its pipe is killed, with a reason', async () => {
  const bundle = await cell.bundle('counter');
  const { pool: subject, next } = pool();
  subject.start(bundle);
  const { runner } = await next('ready');
  const actor = actorId('default', 'Counter', 'a');
  subject.send(runner, { kind: 'activate', actor, deltas: [] });
  await next('heard');
  subject.send(runner, turn(1, 'block', encodeValue([])));
  const body = encodeValue([new Uint8Array(4_000_000)]);
  for (let work = 2; work < 40; work++) {
    subject.send(runner, turn(work, 'add', body));
  }
  const { reason } = await next('exited');
  expect(reason).toContain('it did not read');

  function turn(work: number, method: string, args: Uint8Array): ToRunner {
    const recorded: never[] = [];
    const callId = `c${work}`;
    const limitMs = 60_000;
    return { kind: 'turn', work, actor, method, args, read: false, callId, recorded, limitMs };
  }
});

test('an endless line of output is cut, and says by how much', () => {
  const lines: string[] = [];
  const stream = new PassThrough();
  new LineTap(stream, (text) => lines.push(text));
  stream.emit('data', Buffer.from(`short\n${'x'.repeat(lineLengthMax)}`));
  stream.emit('data', Buffer.from(`${'y'.repeat(100)}\n\nlast`));
  stream.emit('end');
  expect(lines).toEqual(['short', `${'x'.repeat(lineLengthMax)} … (100 more cut)`, 'last']);
});
