import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startChild } from '../src/cluster/child.ts';
import { type Guard, startGuard } from '../src/cluster/guard.ts';
import { identityOf } from '../src/local/identity.ts';

let folder: string;
let guard: Guard;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-processes-'));
  guard = startGuard();
});
afterEach(() => {
  guard.close();
  rmSync(folder, { recursive: true });
});

function start(source: string, startMsMax = 20_000) {
  const main = join(folder, 'main.mjs');
  writeFileSync(main, source);
  return startChild({
    name: 'n1',
    kind: 'node',
    main,
    flags: [],
    configFile: join(folder, 'config.json'),
    logFile: join(folder, 'logs', 'n1.log'),
    env: { TROUPE_CRASH_AT: 'somewhere' },
    prefix: ['/usr/bin/env', 'TROUPE_PLACE=here'],
    guard,
    startMsMax,
    abandon: new AbortController().signal,
  });
}

describe('a process of the cluster', () => {
  it('is ready when it says so, keeps its log and ends by a signal', async () => {
    const child = await start(`
      console.error(process.env.TROUPE_CRASH_AT, process.env.NODE_EXTRA_CA_CERTS, process.argv[2]);
      console.log('a library that prints');
      console.log(JSON.stringify({ ready: { incarnation: 'n1.ab12cd34', pid: process.pid } }));
      setInterval(() => {}, 1000);
    `);
    expect(child.incarnation).toBe('n1.ab12cd34');
    expect(child.running).toBe(true);
    expect(readFileSync(child.log, 'utf8')).toBe('somewhere undefined --config\n');
    // The prefix became the program: its pid is the process's own.
    expect(readFileSync(`/proc/${child.pid}/environ`, 'utf8')).toContain('TROUPE_PLACE=here');
    expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).toContain('main.mjs');
    child.kill('SIGSTOP');
    child.kill('SIGKILL');
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(child.running).toBe(false);
  });

  it('L1: that dies at its start fails with its own code and last words', async () => {
    const starting = start(`
      console.error('{"level":30,"msg":"starting"}');
      console.error('NATS_UNREACHABLE: nothing answers at nats://127.0.0.1:1; start nats-server');
      process.exitCode = 3;
    `);
    await expect(starting).rejects.toMatchObject({
      code: 'NATS_UNREACHABLE',
      message: expect.stringContaining('node n1 exited with code 3 before it was ready'),
    });
    await expect(starting).rejects.toThrow('nothing answers at nats://127.0.0.1:1');
  });

  it('L2: that is not ready in time is ended and reported', async () => {
    const pidFile = join(folder, 'pid');
    const starting = start(
      `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
       setInterval(() => {}, 1000);`,
      1_500,
    );
    await expect(starting).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('was not ready within 1500 ms'),
    });
    expect(identityOf(Number(readFileSync(pidFile, 'utf8')))).toBeUndefined();
  });
});

describe('the guard', () => {
  it('O1: ends what it knows, and only that, when its owner is killed', async () => {
    const guardModule = fileURLToPath(new URL('../dist/cluster/guard.js', import.meta.url));
    const owner = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { spawn } from 'node:child_process';
         import { startGuard } from ${JSON.stringify(guardModule)};
         const guard = startGuard();
         const pids = [1, 2, 3].map(() => {
           const child = spawn('sleep', ['600'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
           guard.watch(child.pid);
           return child.pid;
         });
         guard.forget(pids[1]);
         console.log(JSON.stringify(pids));`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: owner.stdout }).once('line', resolve),
    );
    const pids: number[] = JSON.parse(line);
    const [first = 0, second = 0, third = 0] = pids;
    const survivor = identityOf(second);
    owner.kill('SIGKILL');
    await expect.poll(() => identityOf(first)).toBeUndefined();
    await expect.poll(() => identityOf(third)).toBeUndefined();
    expect(survivor).toBeDefined();
    expect(identityOf(second)).toBe(survivor);
    process.kill(second, 'SIGKILL');
  });
});
