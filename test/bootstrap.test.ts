/** The bootstrap runs before anything is installed, so it is tested as processes, in a copy. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type Ended, type Started, start } from './process/started.ts';
import { root } from './source/rooms.ts';

let copy: string;
const copies: string[] = [];

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'troupe-bootstrap-'));
  copies.push(copy);
  cpSync(join(root, 'bootstrap'), join(copy, 'bootstrap'), { recursive: true });
  mkdirSync(join(copy, 'bin'));
  for (const program of ['sh', 'cat']) symlinkSync(`/bin/${program}`, join(copy, 'bin', program));
});

afterAll(() => {
  for (const folder of copies) rmSync(folder, { recursive: true, force: true });
});

test('servers that are new enough are taken from PATH, and nothing is fetched', async () => {
  program('nats-server', 'echo nats-server: v2.12.1');
  program('etcd', 'echo etcd Version: 3.6.0');
  const ended = await run('bootstrap/binaries.mjs');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toContain(`nats-server 2.12.1 (${join(copy, 'bin', 'nats-server')})`);
  expect(existsSync(join(copy, '.troupe'))).toBe(false);
});

test('what is too old is passed over, and one error says all that was tried', async () => {
  program('nats-server', 'echo nats-server: v2.9.10');
  program('etcd', 'echo etcd Version: 3.4.23');
  program('curl', 'exit 6');
  const ended = await run('bootstrap/binaries.mjs');
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('nats-server >= 2.10 and etcd >= 3.5');
  expect(ended.stderr).toContain('nats-server is version 2.9.10');
  expect(ended.stderr).toContain('etcd is version 3.4.23');
  expect(ended.stderr).toContain('system packages: ');
  expect(ended.stderr).toMatch(/official release: .*(nats-server|known)/);
  expect(ended.stderr).toContain('Install them by any means');
});

test('an archive with another checksum is refused, and nothing of it is kept', async () => {
  program('curl', 'while [ "$1" != -o ]; do shift; done; echo forged > "$2"');
  const ended = await run('bootstrap/binaries.mjs');
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/its SHA-256 is [0-9a-f]{64}, not the pinned [0-9a-f]{64}/);
  expect(readdirSync(join(copy, '.troupe'))).toEqual([]);
});

test('the mirror of the system is read from both kinds of source files', async () => {
  const etc = join(copy, 'etc');
  mkdirSync(join(etc, 'sources.list.d'), { recursive: true });
  const oneLine = [
    '# deb http://old.example/debian bookworm main',
    'deb [arch=amd64 signed-by=/k.gpg] http://one.example/debian bookworm main contrib # ours',
    'deb-src http://one.example/debian bookworm main',
  ];
  const stanzas = [
    '# comment',
    'Types: deb deb-src',
    'URIs: http://two.example/debian http://three.example/debian',
    'Suites: bookworm bookworm-updates',
    'Components: main',
    'Signed-By:',
    ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
    ' .',
    ' AAAA',
    '',
    'Enabled: no',
    'Types: deb',
    'URIs: http://off.example/debian',
    'Suites: bookworm',
    'Components: main',
  ];
  writeFileSync(join(etc, 'sources.list'), oneLine.join('\n'));
  writeFileSync(join(etc, 'sources.list.d', 'debian.sources'), stanzas.join('\n'));
  writeFileSync(join(etc, 'sources.list.d', 'x.list.disabled'), 'deb http://x.example/ x main');
  writeFileSync(
    join(copy, 'sources.mjs'),
    `import { readSources } from './bootstrap/apt.mjs';
     console.log(JSON.stringify(readSources(${JSON.stringify(etc)})));`,
  );
  const { stdout } = await run('sources.mjs');
  const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n AAAA';
  const both = { suites: ['bookworm', 'bookworm-updates'], components: ['main'], signedBy: key };
  expect(JSON.parse(stdout)).toEqual([
    {
      uri: 'http://one.example/debian',
      suites: ['bookworm'],
      components: ['main', 'contrib'],
      signedBy: '/k.gpg',
    },
    { uri: 'http://two.example/debian', ...both },
    { uri: 'http://three.example/debian', ...both },
  ]);
});

test('bootstraps that run at once take turns, also after one was killed', async () => {
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  mkdirSync(join(copy, '.troupe'));
  writeFileSync(join(copy, '.troupe', 'turn.lock'), String(gone.pid));
  writeFileSync(join(copy, 'count'), '0');
  writeFileSync(
    join(copy, 'turn.mjs'),
    `import { readFileSync, writeFileSync } from 'node:fs';
     import { setImmediate } from 'node:timers/promises';
     import { withLock } from './bootstrap/lock.mjs';
     await withLock('turn', () => {}, async () => {
       const count = Number(readFileSync('count', 'utf8'));
       for (let i = 0; i < 50; i++) await setImmediate();
       writeFileSync('count', String(count + 1));
     });`,
  );
  const ended = await Promise.all(Array.from({ length: 6 }, () => run('turn.mjs')));
  expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(readFileSync(join(copy, 'count'), 'utf8')).toBe('6');
  expect(readdirSync(join(copy, '.troupe'))).toEqual([]);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends the program too', async (signal) => {
  writeFileSync(
    join(copy, 'job.mjs'),
    `for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => { console.log(name); process.exit(7); });
     setInterval(() => {}, 1000);
     console.log('pid ' + process.pid);`,
  );
  writeFileSync(
    join(copy, 'outer.mjs'),
    `import { hand } from './bootstrap/run.mjs';
     process.exitCode = await hand(process.execPath, ['job.mjs']);`,
  );
  await using outer = startNode('outer.mjs');
  const said = await outer.says(/pid (\d+)/);
  outer.child.kill(signal);
  expect(await outer.ended).toMatchObject({ code: 7, stdout: expect.stringContaining(signal) });
  expect(() => process.kill(Number(said[1]), 0)).toThrow('ESRCH');
});

/** Puts a shell script on the PATH of what is started. */
function program(name: string, script: string): void {
  const path = join(copy, 'bin', name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

function startNode(script: string): Started {
  return start(process.execPath, [join(copy, script)], {
    cwd: copy,
    env: { PATH: join(copy, 'bin') },
  });
}

function run(script: string): Promise<Ended> {
  return startNode(script).ended;
}
