/** Machines whose shells talk, hang, run nothing, or whose records and files are damaged. */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Provider, processProvider, type SshNodeSpec, sshProvider } from '../src/index.ts';
import { frameArgs, framed, newFrame } from '../src/machine/frame.ts';
import { openCutLink } from './cut-link.ts';
import { writeSmallBuild } from './small-build.ts';
import { noSshServer, type SshServer, startSshServer } from './ssh-server.ts';

const binary = fileURLToPath(new URL('../../cli/bin/troupe.js', import.meta.url));
const shell = userInfo().shell ?? '';
/** Only bash, as some systems build it, runs a profile for a command that comes by ssh. */
const noProfile = shell.endsWith('bash') ? undefined : 'needs bash as the login shell';
const why = noSshServer ?? noProfile;
const noMount = process.getuid?.() !== 0 ? 'needs root, for a small file system' : undefined;
const timeout = 60_000;

let server: SshServer;
let folder: string;
let far: string;
let main: string;
let provider: Provider<SshNodeSpec>;

describe.skipIf(why !== undefined)(`a hard machine ${why ?? ''}`.trimEnd(), { timeout }, () => {
  beforeAll(async () => {
    server = await startSshServer();
  });
  afterAll(() => server.remove());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-hard-'));
    far = join(folder, 'far');
    main = writeSmallBuild(join(folder, 'root'));
    provider = sshProvider({ stateDir: join(folder, 'state'), main });
  });
  afterEach(async () => {
    server.useProfile('');
    const left = processProvider({ stateDir: far, main });
    for (const { name } of await left.list()) await left.destroy(name, { drainMsMax: 0 });
    rmSync(folder, { recursive: true });
  });

  it('A1: what a login shell prints by itself is never taken for an answer', async () => {
    server.useProfile('echo Welcome to this host\nprintf "absent\\nalready\\nnode yes yes"\n');
    expect(await provider.create(spec('n1'))).toMatchObject({
      created: true,
      restarts: 0,
      state: { kind: 'running', supervised: true, incarnation: expect.stringMatching(/^n1\./) },
    });
    expect(readdirSync(join(far, 'nodes'))).toEqual(['n1']);
    expect(await provider.list()).toMatchObject([{ name: 'n1', state: { kind: 'running' } }]);
    expect(await provider.logs('n1')).toMatch(/^hello from n1\.\S+, no greeting\n$/);
    expect(await provider.destroy('n1')).toBe(true);
    expect(existsSync(far)).toBe(false);
  });

  it('A1: a login shell that runs nothing is an error that shows what it said', async () => {
    server.useProfile('echo already; echo This account is not available; exit 0\n');
    await expect(provider.create(spec('n1'))).rejects.toMatchObject({
      code: 'HOST_UNSUITABLE',
      message: expect.stringMatching(/node n1 was not run .* This account is not available/),
    });
    expect(existsSync(far)).toBe(false);
  });

  it('a shell that leaves something running beside it keeps nobody waiting', async () => {
    server.useProfile('sleep 40 &\n');
    const began = performance.now();
    await provider.create(spec('n1'));
    expect(await provider.destroy('n1')).toBe(true);
    expect(performance.now() - began).toBeLessThan(40_000);
  });

  it('H2: a shell that hangs is given up, and makes nothing when it wakes later', async () => {
    const { gate, stuck } = gatedShell();
    await expect(impatient().create(spec('n1'))).rejects.toMatchObject({
      code: 'HOST_SILENT',
      message: expect.stringMatching(/node n1 did not begin within 4 s and was given up/),
    });
    expect(await provider.list()).toEqual([]);
    expect(await provider.destroy('n1')).toBe(false);
    const pid = stuck();
    writeFileSync(gate, 'go\n');
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false);
    expect(existsSync(far)).toBe(false);
  });

  it('A2: a shell that wakes makes nothing, also where nobody tells it that we are gone', async () => {
    const link = await openCutLink(server.port, true);
    try {
      const { gate, stuck } = gatedShell();
      const target = `${userInfo().username}@127.0.0.1:${link.port}`;
      const created = impatient().create(spec('n1', { target }));
      const refused = expect(created).rejects.toMatchObject({ code: 'HOST_SILENT' });
      await expect.poll(() => stuck() !== undefined, { timeout: 20_000 }).toBe(true);
      link.allow(0);
      await refused;
      const pid = stuck();
      writeFileSync(gate, 'go\n');
      // It waits for the word, with the lock in its hand.
      const lock = join(far, 'nodes', '.n1.lock');
      await expect.poll(() => existsSync(lock), { timeout: 20_000 }).toBe(true);
      await link.close();
      await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false);
      expect(existsSync(far)).toBe(false);
    } finally {
      await link.close();
    }
  });

  it('A4: a script whose connection is gone without a word ends by itself', async () => {
    // This machine, and one who is told nothing more: neither the word nor that it was given up.
    const frame = newFrame(1_000);
    const [token = ''] = frameArgs(frame, 0);
    const script = 'begin; echo unreachable';
    const child = spawn('sh', ['-c', framed(script), 'troupe', token, '2'], { detached: true });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    expect(await ended).not.toBe(0);
    expect(said).toContain(frame.held.asks);
    expect(said).not.toContain('unreachable');
  });

  it('A2: a shell whose command was interrupted makes nothing after the removal', async () => {
    const { gate, stuck } = gatedShell();
    const trust = ['--key', server.keyFile, '--trust-on-first-use', '--folder', far];
    const add = command('add', server.target, '--name', 'n1', ...trust, ...nowhere);
    await expect.poll(() => stuck() !== undefined, { timeout: 40_000 }).toBe(true);
    add.child.kill('SIGINT');
    await add.ended;
    server.useProfile('');
    const interrupted = sshProvider({ stateDir: join(folder, 'data', 'providers', 'ssh'), main });
    expect(await interrupted.list()).toMatchObject([{ name: 'n1', state: { kind: 'absent' } }]);
    expect(await command('remove', 'n1').ended).toBe('node n1 is removed\n');
    const pid = stuck();
    writeFileSync(gate, 'go\n');
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false);
    expect(existsSync(far)).toBe(false);
  });

  it('H2: a script that hangs in the middle keeps others off until it ends', async () => {
    const gate = join(folder, 'gate');
    execFileSync('mkfifo', [gate]);
    // The first thing that is made for a node is its folder.
    await server.usePath(`${slowMkdir(gate)}:${process.env['PATH']}`);
    try {
      await expect(impatient().create(spec('n1'))).rejects.toMatchObject({
        code: 'HOST_LOST',
        message: expect.stringMatching(/node n1 did not end within 4 s and was given up/),
      });
      await expect(provider.destroy('n1')).rejects.toMatchObject({
        code: 'HOST_BUSY',
        message: expect.stringMatching(/pid \d+\) starts or ends node n1; wait until/),
      });
      writeFileSync(gate, 'go\n');
      expect(await provider.destroy('n1')).toBe(true);
      expect(existsSync(far)).toBe(false);
      expect(await provider.list()).toEqual([]);
    } finally {
      await server.usePath(process.env['PATH'] ?? '');
    }
  });

  it('a program that hangs instead of being Node.js is named', async () => {
    const program = join(folder, 'hang');
    writeFileSync(program, '#!/bin/sh\nexec sleep 100\n');
    chmodSync(program, 0o755);
    await expect(provider.create(spec('n1', { program }))).rejects.toMatchObject({
      code: 'HOST_UNSUITABLE',
      message: expect.stringContaining(`${program} does not answer --version within 10 s`),
    });
    expect(existsSync(far)).toBe(false);
  });

  it('T5: a node that is removed while its build is copied is not made anew', async () => {
    const gate = join(folder, 'gate');
    execFileSync('mkfifo', [gate]);
    await server.usePath(`${slowTar(gate)}:${process.env['PATH']}`);
    try {
      const created = provider.create(spec('n1'));
      await expect.poll(() => existsSync(`${gate}.reached`), { timeout: 30_000 }).toBe(true);
      expect(await provider.destroy('n1')).toBe(true);
      writeFileSync(gate, 'go\n');
      await expect(created).rejects.toMatchObject({ code: 'HOST_LOST' });
      expect(existsSync(far)).toBe(false);
    } finally {
      await server.usePath(process.env['PATH'] ?? '');
    }
  });

  it('R2: a damaged record hides no other node, and can be dropped', async () => {
    await provider.create(spec('n1'));
    writeFileSync(join(folder, 'state', 'nodes', 'n2.json'), '{"user": ');
    const damaged = { code: 'WRONG_STATE', message: expect.stringMatching(/n2\.json of node n2/) };
    const found = await provider.list();
    expect(found.find((one) => one.name === 'n1')).toMatchObject({ state: { kind: 'running' } });
    expect(found.find((one) => one.name === 'n2')).toMatchObject({
      state: { kind: 'unknown', failure: damaged },
    });
    await expect(provider.destroy('n2')).rejects.toMatchObject(damaged);
    expect(await provider.destroy('n2', { forget: true })).toBe(true);
    expect(await provider.list()).toMatchObject([{ name: 'n1' }]);
  });

  it('a damaged file of a node there is an error of this node alone', async () => {
    await provider.create(spec('n1'));
    await provider.create(spec('n2'));
    writeFileSync(join(far, 'nodes', 'n1', 'state'), 'running what is this\n');
    const state = { kind: 'unknown', failure: { code: 'HOST_UNSUITABLE' } };
    const near = processProvider({ stateDir: far, main });
    for (const those of [await provider.list(), await near.list()]) {
      expect(those.find((one) => one.name === 'n1')).toMatchObject({ restarts: 0, state });
      expect(those.find((one) => one.name === 'n2')).toMatchObject({ state: { kind: 'running' } });
    }
  });

  it('a key with a passphrase is told as such', async () => {
    const keyFile = join(folder, 'sealed');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', keyFile]);
    await expect(provider.create(spec('n1', { keyFile }))).rejects.toMatchObject({
      code: 'HOST_REFUSED',
      message: expect.stringContaining(`${keyFile} has a passphrase: load it by \`ssh-add`),
    });
  });

  it.each(['garbage', 'SHA256:', 'MD5:00:11'])(
    'refuses the fingerprint %s',
    async (fingerprint) => {
      await expect(provider.create(spec('n1', { trust: { fingerprint } }))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`"${fingerprint}" is no fingerprint`),
      });
    },
  );

  it('a program that is missing here is named', async () => {
    const path = process.env['PATH'];
    const box = join(folder, 'box');
    mkdirSync(box);
    process.env['PATH'] = box;
    try {
      await expect(provider.create(spec('n1'))).rejects.toMatchObject({
        code: 'HOST_UNSUITABLE',
        message: expect.stringContaining('this machine: there is no program ssh-keyscan'),
      });
      symlinkSync('/usr/bin/ssh-keyscan', join(box, 'ssh-keyscan'));
      await expect(provider.create(spec('n1'))).rejects.toMatchObject({
        code: 'HOST_UNSUITABLE',
        message: expect.stringContaining('this machine: there is no program tar'),
      });
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('a server that says hello and no more is given up', async () => {
    const mute = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('SSH-2.0-OpenSSH_9.0\r\n');
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const target = `${userInfo().username}@127.0.0.1:${port}`;
    await expect(provider.create(spec('n1', { target }))).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining(`port ${port} within 15 s`),
    });
    mute.close();
  });

  it.skipIf(noMount !== undefined)(
    `a full disk here is an error, and nothing is left ${noMount ?? ''}`.trimEnd(),
    async () => {
      mkdirSync(far);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', far]);
      const near = processProvider({ stateDir: join(far, 'state'), main });
      const given = { name: 'n1', shared: {}, readyMsMax: 20_000 };
      try {
        for (const size of [128, 124, 120, 112, 96]) {
          const full = join(far, 'full');
          execFileSync('sh', ['-c', `head -c ${size}k /dev/zero > ${full} 2>/dev/null || :`]);
          await expect(near.create(given)).rejects.toMatchObject({ code: 'HOST_FULL' });
          expect(readdirSync(far)).toEqual(['full']);
          rmSync(full);
        }
      } finally {
        execFileSync('umount', [far]);
      }
    },
  );
});

/** Gives up after so little time that a test can wait for it. */
function impatient(): Provider<SshNodeSpec> {
  return sshProvider({ stateDir: join(folder, 'state'), main, answerMsMax: 4_000 });
}

function spec(name: string, more: Partial<SshNodeSpec> = {}): SshNodeSpec {
  return {
    name,
    target: server.target,
    keyFile: server.keyFile,
    trust: 'first-use',
    folder: far,
    program: process.execPath,
    shared: {},
    restart: { pauseMs: 10 },
    readyMsMax: 20_000,
    ...more,
  };
}

/** A login shell that hangs until something is written to the gate. */
function gatedShell(): { readonly gate: string; readonly stuck: () => string | undefined } {
  const gate = join(folder, 'gate');
  const pidFile = join(folder, 'pid');
  execFileSync('mkfifo', [gate]);
  server.useProfile(`echo $$ > ${pidFile}; read -r word < ${gate}\n`);
  const stuck = () =>
    existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() || undefined : undefined;
  return { gate, stuck };
}

const nowhere = ['--etcd', 'http://127.0.0.1:1', '--nats', 'nats://127.0.0.1:1'];

/** `troupe node …`, as people type it. */
function command(...words: string[]) {
  const child = spawn(process.execPath, [binary, 'node', ...words, '--data', join(folder, 'data')]);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<string>((resolve) => child.once('close', () => resolve(text)));
  return { child, ended };
}

/** A folder with a `mkdir` that waits at the gate before it makes a node's folder. */
function slowMkdir(gate: string): string {
  return wrapped('mkdir', `case "$*" in */nodes/n1) read -r word < ${gate} ;; esac`);
}

/** A folder with a `tar` that waits at the gate before it unpacks. */
function slowTar(gate: string): string {
  return wrapped('tar', `: > ${gate}.reached; read -r word < ${gate}`);
}

function wrapped(tool: string, first: string): string {
  const box = join(folder, 'box');
  mkdirSync(box);
  const real = execFileSync('which', [tool], { encoding: 'utf8' }).trim();
  writeFileSync(join(box, tool), `#!/bin/sh\n${first}\nexec ${real} "$@"\n`);
  chmodSync(join(box, tool), 0o755);
  return box;
}
