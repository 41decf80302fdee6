/** The whole job, as `npm start` runs it: a cluster of processes, one of which is killed. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { JobReport } from '../src/job/job.ts';
import { endpoint, says } from './endpoint.ts';
import { folderOf, libraryOf } from './folders.ts';

const main = path.join(import.meta.dirname, '..', 'dist', 'main.js');
const documentCount = 60;
const questions = ['Who replaced the roof after the storm?', 'How does the keeper pay?'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the job in a working folder of its own. */
function run(home: string, args: readonly string[], env: { [name: string]: string } = {}) {
  const { OPENAI_API_KEY: _key, OPENAI_BASE_URL: _url, ...inherited } = process.env;
  const child = spawn(process.execPath, [main, '--port', '0', ...args], {
    cwd: home,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise<Ended>((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

function reportOf(ended: Ended): JobReport {
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return JSON.parse(ended.stdout);
}

const asked = questions.flatMap((question) => ['--ask', question]);
const answerFile = path.join('.troupe', 'crew', 'answer.md');

test('a job whose librarian is killed publishes the same bytes as one left alone', async () => {
  await using library = folderOf(libraryOf(documentCount));
  await using calm = folderOf({});
  await using struck = folderOf({});

  const undisturbed = reportOf(
    await run(calm.path, [library.path, ...asked, '--no-kill', '--json']),
  );
  expect(undisturbed.kill).toBeNull();

  const report = reportOf(await run(struck.path, [library.path, ...asked, '--json']));
  expect(report.documents).toBe(documentCount);
  expect(report.index.documents).toBe(documentCount);
  expect(report.kill?.at.done).toBeGreaterThanOrEqual(documentCount * 0.4);
  expect(report.kill?.recovery?.known).toBeGreaterThanOrEqual(report.kill?.known ?? Infinity);
  expect(report.kill?.recovery?.node).not.toBe(report.kill?.node);

  expect(report.answers).toEqual(undisturbed.answers);
  const published = readFileSync(path.join(struck.path, answerFile));
  expect(published.equals(readFileSync(path.join(calm.path, answerFile)))).toBe(true);
  expect(published.toString()).toContain('A storm once took the roof');
});

test('a configured model writes the answers; where it fails, sentences do and the answer says so', async () => {
  await using library = folderOf(libraryOf(10));
  await using home = folderOf({});
  await using server = await endpoint(({ body }) =>
    body.messages.at(-1)?.content.includes('How does the keeper pay?')
      ? { status: 400, body: 'no' }
      : { status: 200, body: says('The guild did [1].') },
  );
  const ended = await run(home.path, [library.path, ...asked, '--no-kill', '--yes', '--json'], {
    OPENAI_BASE_URL: server.url,
    OPENAI_API_KEY: 'secret',
    OPENAI_MODEL: 'small',
  });
  const [first, second] = reportOf(ended).answers;
  expect(first).toMatchObject({ writtenBy: 'small' });
  expect(first?.text).toMatch(/^The guild did \[shelf-\d\/\w+-\d+\.md:\d+\]\.$/);
  expect(second?.writtenBy).toBe('extract');
  expect(second?.note).toContain('small did not answer');
  expect(second?.note).toContain('400: no');
  expect(server.asked.every(({ headers }) => headers.authorization === 'Bearer secret')).toBe(true);
  const ids = server.asked.map(({ headers }) => headers['idempotency-key']);
  expect(new Set(ids).size).toBe(2);
});

test('without a terminal the job tells its course in plain lines and ends by itself', async () => {
  await using library = folderOf(libraryOf(12));
  await using home = folderOf({});
  const ended = await run(home.path, [library.path, ...asked]);
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  expect(ended.stdout).not.toContain('\u001b');
  expect(ended.stdout).toMatch(/KILLED n\d \(SIGKILL, pid \d+\), which held the librarian/);
  expect(ended.stdout).toMatch(/the librarian answers again on n\d after \d+\.\d s/);
  expect(ended.stdout).toContain('approved automatically: there is no terminal to ask at');
  expect(ended.stdout).toMatch(/1\. Who replaced the roof after the storm\?/);
  expect(ended.stdout).toContain(`Published   ${answerFile}`);
});

test('a folder that is not there is refused before anything is started', async () => {
  await using home = folderOf({});
  const { code, stderr } = await run(home.path, ['/no/such/folder']);
  expect(code).toBe(2);
  expect(stderr).toContain('crew: INVALID_ARGUMENT: /no/such/folder is no folder');
});
