import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { crewLimits } from '../src/contract.ts';
import { planFolder } from '../src/documents/plan.ts';
import { folderOf } from './folders.ts';

test('a folder is planned in the order of its paths, whatever the order on disk', async () => {
  await using folder = folderOf({ 'b.md': 'b', 'a/z.txt': 'z', 'a/B.ts': 'B', 'a/b.ts': 'b' });
  const plan = await planFolder(folder.path);
  expect(plan.documents.map((document) => document.path)).toEqual([
    'a/B.ts',
    'a/b.ts',
    'a/z.txt',
    'b.md',
  ]);
  expect(await planFolder(folder.path)).toEqual(plan);
});

test('every file left out is named with its reason', async () => {
  await using folder = folderOf({
    'README.md': 'read me',
    'picture.png': 'x',
    'empty.md': '',
    'large.txt': 'x'.repeat(crewLimits.fileBytesMax + 1),
    'fits.txt': 'x'.repeat(crewLimits.fileBytesMax),
    'binary.txt': new Uint8Array([65, 0, 66]),
    'package-lock.json': '{}',
    'bad\u0007name.md': 'bell',
  });
  symlinkSync(path.join(folder.path, 'README.md'), path.join(folder.path, 'link.md'));
  const plan = await planFolder(folder.path);
  expect(plan.documents.map((document) => document.path)).toEqual(['README.md', 'fits.txt']);
  expect(Object.fromEntries(plan.skipped.map((one) => [one.path, one.reason]))).toEqual({
    'bad\u0007name.md': 'unfit path',
    'binary.txt': 'binary content',
    'empty.md': 'empty',
    'large.txt': 'too large',
    'link.md': 'symbolic link',
    'package-lock.json': 'lock file',
    'picture.png': 'not a text type',
  });
  expect(plan.skippedCount['too large']).toBe(1);
});

test('folders of dependencies, builds and history are not entered, and are named', async () => {
  await using folder = folderOf({
    'a.md': 'a',
    'node_modules/x/readme.md': 'x',
    'p/dist/out.js': 'x',
    '.git/config.txt': 'x',
    '.troupe/crew/answer.md': 'x',
    '.ci/steps.yml': 'x',
  });
  const plan = await planFolder(folder.path);
  expect(plan.documents.map((document) => document.path)).toEqual(['.ci/steps.yml', 'a.md']);
  expect(plan.foldersSkipped).toEqual(['.git', '.troupe', 'node_modules', 'p/dist']);
});

test('documents beyond the bound are skipped by name, not silently', async () => {
  const files: { [name: string]: string } = {};
  for (let i = 0; i < crewLimits.documentsMax + 3; i++) {
    files[`${String(i).padStart(5, '0')}.md`] = 'x';
  }
  await using folder = folderOf(files);
  const plan = await planFolder(folder.path);
  expect(plan.documents).toHaveLength(crewLimits.documentsMax);
  expect(plan.skipped.map((one) => one.reason)).toEqual(
    Array.from({ length: 3 }, () => 'beyond the document bound'),
  );
  expect(plan.skipped[0]?.path).toBe(`${crewLimits.documentsMax.toString().padStart(5, '0')}.md`);
});

test('paths that together would not fit a payload are skipped beyond the bound', async () => {
  const deep = `${'d'.repeat(180)}/${'e'.repeat(180)}`;
  const files: { [name: string]: string } = {};
  for (let i = 0; i < 600; i++) files[`${deep}/${i}.md`] = 'x';
  await using folder = folderOf(files);
  const { documents, skippedCount } = await planFolder(folder.path);
  const bytes = documents.reduce((sum, document) => sum + document.path.length, 0);
  expect(bytes).toBeLessThanOrEqual(crewLimits.pathBytesMax);
  expect(documents.length + (skippedCount['beyond the document bound'] ?? 0)).toBe(600);
});
