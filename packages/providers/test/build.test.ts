import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeBuild } from '../src/build/build.ts';
import { writeSmallBuild } from './small-build.ts';

let folder: string;
let root: string;
let main: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'troupe-build-')));
  root = join(folder, 'root');
  main = writeSmallBuild(root);
});
afterEach(() => rmSync(folder, { recursive: true }));

test('F1: a build holds what runs and what that needs, each in its place, no more', async () => {
  const build = await makeBuild(main, join(folder, 'cache'));
  const listed = execFileSync('tar', ['-tzf', build.file], { encoding: 'utf8' });
  expect(listed.trim().split('\n')).toEqual([
    'node_modules/ours',
    'node_modules/theirs/index.js',
    'node_modules/theirs/node_modules/nested/package.json',
    'node_modules/theirs/package.json',
    'packages/ours/dist/index.js',
    'packages/ours/package.json',
    'worker-node/host/dist/main.js',
    'worker-node/host/package.json',
    'worker-node/runner/dist/main.js',
    'worker-node/runner/package.json',
  ]);
  expect(build.main).toBe('worker-node/host/dist/main.js');
});

test('B1: the same content is the same build and archived once; another is another', async () => {
  const cache = join(folder, 'cache');
  const first = await makeBuild(main, cache);
  writeFileSync(join(root, 'worker-node/host/src/main.ts'), 'no part of the build');
  expect(await makeBuild(main, cache)).toEqual(first);
  writeFileSync(join(root, 'packages/ours/dist/index.js'), 'changed');
  const second = await makeBuild(main, cache);
  expect(second.hash).not.toBe(first.hash);
  expect(readdirSync(cache).sort()).toEqual(
    [first, second].map(({ hash }) => `${hash}.tar.gz`).sort(),
  );
});
