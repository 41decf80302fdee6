import { execFileSync } from 'node:child_process';
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
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type NodeState,
  type Provider,
  processProvider,
  type SshNodeSpec,
  sshProvider,
} from '../src/index.ts';
import { openCutLink } from './cut-link.ts';
import { writeSmallBuild } from './small-build.ts';
import { freePort, noSshServer, type SshServer, startSshServer } from './ssh-server.ts';

const noMount = process.getuid?.() !== 0 ? 'needs root, for a small file system' : undefined;

let server: SshServer;
let folder: string;
let far: string;
let main: string;
let provider: Provider<SshNodeSpec>;

describe.skipIf(noSshServer !== undefined)(`nodes by ssh ${noSshServer ?? ''}`.trimEnd(), () => {
  beforeAll(async () => {
    server = await startSshServer();
  });
  afterAll(() => server.remove());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-ssh-'));
    far = join(folder, 'far away');
    main = writeSmallBuild(join(folder, 'root'));
    provider = sshProvider({ stateDir: join(folder, 'state'), main });
  });
  afterEach(async () => {
    // Whatever became of the connection: the far side is this machine.
    const left = processProvider({ stateDir: far, main });
    for (const { name } of await left.list()) await left.destroy(name, { drainMsMax: 0 });
    rmSync(folder, { recursive: true });
  });

  it('V1: copies the build once, starts the node, and says so when it runs already', async () => {
    const first = await provider.create(spec('n1', { trust: fingerprint() }));
    expect(first).toMatchObject({
      created: true,
      provider: 'ssh',
      place: server.target,
      state: { kind: 'running', supervised: true, incarnation: expect.stringMatching(/^n1\./) },
    });
    expect(await provider.create(spec('n1'))).toEqual({ ...first, created: false });
    await provider.create(spec('n2'));
    expect(readdirSync(join(far, 'builds'))).toHaveLength(1);
    expect((await provider.list()).map((one) => one.name).sort()).toEqual(['n1', 'n2']);
  });

  it('supervises the node when we are gone, and brings its log back', async () => {
    const { state } = await provider.create(spec('n1', { trust: 'first-use' }));
    process.kill(pidOf(state), 'SIGKILL');
    const later = sshProvider({ stateDir: join(folder, 'state'), main });
    await expect
      .poll(() => later.describe('n1'), { timeout: 20_000 })
      .toMatchObject({ restarts: 1, state: { kind: 'running', incarnation: expect.any(String) } });
    expect((await later.logs('n1')).match(/^hello from n1\./gm)).toHaveLength(2);
  });

  it('G2: a node that is frozen or ended on purpose goes on by its machine alone', async () => {
    const { state } = await provider.create(spec('n1', { trust: 'first-use' }));
    const pid = pidOf(state);
    const status = () => readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(await provider.signal('n1', { signal: 'SIGSTOP', thawAfterMs: 3_000 })).toEqual({ pid });
    expect(status()).toMatch(/^State:\s*T/m);
    await expect.poll(status, { timeout: 20_000 }).toMatch(/^State:\s*S/m);
    expect(await provider.signal('n1', { signal: 'SIGTERM', againAfterMs: 10 })).toEqual({ pid });
    await expect
      .poll(() => provider.describe('n1'), { timeout: 20_000 })
      .toMatchObject({ restarts: 1, state: { kind: 'running', incarnation: expect.any(String) } });
    expect(await provider.signal('n2', { signal: 'SIGKILL' })).toBeUndefined();
  });

  it('T4: a drain ends the node and removes all that was put there', async () => {
    await provider.create(spec('n1', { trust: 'first-use' }));
    await provider.create(spec('n2'));
    expect(await provider.destroy('n1')).toBe(true);
    expect(await provider.destroy('n1')).toBe(false);
    expect(readdirSync(join(far, 'builds'))).toHaveLength(1);
    expect(await provider.destroy('n2')).toBe(true);
    expect(existsSync(far)).toBe(false);
    expect(await provider.list()).toEqual([]);
  });

  it('K1: a first contact needs the fingerprint, or the wish to trust', async () => {
    await expect(provider.create(spec('n1'))).rejects.toMatchObject({
      code: 'HOST_KEY_UNKNOWN',
      message: expect.stringContaining(server.fingerprint()),
    });
    const wrong = { fingerprint: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' };
    await expect(provider.create(spec('n1', { trust: wrong }))).rejects.toMatchObject({
      code: 'HOST_KEY_CHANGED',
    });
    await nothingIsLeft();
  });

  it('K2: a host key that changed is refused until its fingerprint is given', async () => {
    const { state } = await provider.create(spec('n1', { trust: 'first-use' }));
    await server.changeHostKey();
    const changed = { code: 'HOST_KEY_CHANGED' };
    await expect(provider.create(spec('n1', { trust: 'first-use' }))).rejects.toMatchObject(
      changed,
    );
    await expect(provider.destroy('n1')).rejects.toMatchObject(changed);
    expect(await provider.describe('n1')).toMatchObject({
      state: { kind: 'unknown', failure: changed },
    });
    expect(await provider.create(spec('n1', { trust: fingerprint() }))).toMatchObject({
      created: false,
      state,
    });
  });

  it('V2: a key that is not let in is an error, and nothing is left', async () => {
    const keyFile = server.strangerKeyFile;
    await expect(
      provider.create(spec('n1', { trust: 'first-use', keyFile })),
    ).rejects.toMatchObject({ code: 'HOST_REFUSED' });
    await expect(
      provider.create(spec('n1', { keyFile: join(folder, 'nothing') })),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await nothingIsLeft();
  });

  it('V2: a key that is not let in takes nothing from a node that runs', async () => {
    const { state } = await provider.create(spec('n1', { trust: 'first-use' }));
    const keyFile = server.strangerKeyFile;
    const program = 'no-such-node';
    await expect(provider.create(spec('n1', { program }))).rejects.toMatchObject({
      code: 'HOST_UNSUITABLE',
    });
    await expect(provider.create(spec('n1', { keyFile }))).rejects.toMatchObject({
      code: 'HOST_REFUSED',
    });
    expect(await provider.describe('n1')).toMatchObject({ state });
    expect(await provider.logs('n1')).toContain('hello from n1.');
    expect(await provider.destroy('n1')).toBe(true);
    await nothingIsLeft();
  });

  it('V2: a machine that cannot be reached is an error, known or not', async () => {
    const target = `${userInfo().username}@127.0.0.1:${await freePort()}`;
    const unreachable = { code: 'HOST_UNREACHABLE' };
    await expect(provider.create(spec('n1', { trust: 'first-use', target }))).rejects.toMatchObject(
      unreachable,
    );
    await nothingIsLeft();
    const { state } = await provider.create(spec('n1', { trust: 'first-use' }));
    await server.stop();
    await expect(provider.create(spec('n1'))).rejects.toMatchObject(unreachable);
    await expect(provider.create(spec('n2'))).rejects.toMatchObject(unreachable);
    expect(await provider.list()).toMatchObject([{ name: 'n1', state: { kind: 'unknown' } }]);
    await expect(provider.destroy('n1')).rejects.toMatchObject(unreachable);
    expect(await provider.destroy('n1', { forget: true })).toBe(true);
    expect(await provider.list()).toEqual([]);
    process.kill(pidOf(state), 0);
    await server.start();
  });

  it.each([
    ['no Node.js', [], 'there is no Node.js there'],
    ['a Node.js that is too old', ['old-node'], 'Node.js there is v18.20.0'],
    ['no tar', ['node', 'gzip'], 'there is no program tar there'],
  ])('V2: a machine with %s is an error, and nothing is left', async (_what, tools, said) => {
    await server.usePath(toolbox(tools));
    try {
      await expect(provider.create(spec('n1', { trust: 'first-use' }))).rejects.toMatchObject({
        code: 'HOST_UNSUITABLE',
        message: expect.stringContaining(said),
      });
      await nothingIsLeft();
    } finally {
      await server.usePath(process.env['PATH'] ?? '');
    }
  });

  it.skipIf(noMount !== undefined)(
    `V2: a full disk is an error, and nothing is left ${noMount ?? ''}`.trimEnd(),
    async () => {
      for (const size of ['64k', '256k']) {
        mkdirSync(far);
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', far]);
        try {
          await expect(provider.create(spec('n1', { trust: 'first-use' }))).rejects.toMatchObject({
            code: 'HOST_FULL',
          });
          expect(readdirSync(far)).toEqual([]);
          expect(await provider.list()).toEqual([]);
        } finally {
          execFileSync('umount', [far]);
          rmSync(far, { recursive: true, force: true });
        }
      }
    },
  );

  it('V2: a connection lost in the middle leaves what a second create finishes', async () => {
    const link = await openCutLink(server.port);
    const target = `${userInfo().username}@127.0.0.1:${link.port}`;
    try {
      await provider.create(spec('n1', { target, trust: 'first-use' }));
      await provider.destroy('n1');
      for (const bytes of [5_000, 20_000, 120_000]) {
        link.allow(bytes);
        await expect(provider.create(spec('n1', { target }))).rejects.toMatchObject({
          code: expect.stringMatching(/^HOST_(?:LOST|UNREACHABLE)$/),
        });
        link.allow(Number.POSITIVE_INFINITY);
        expect(await provider.create(spec('n1', { target }))).toMatchObject({
          state: { kind: 'running', supervised: true },
        });
        expect(
          readdirSync(join(far, 'builds')).filter((name) => !name.startsWith('.')),
        ).toHaveLength(1);
        expect(await provider.destroy('n1')).toBe(true);
        expect(existsSync(far)).toBe(false);
      }
    } finally {
      await link.close();
    }
  });

  it.skipIf(noMount !== undefined)(
    `V1: a removal that cannot end says where it is, and the next goes on there ${noMount ?? ''}`.trim(),
    async () => {
      await provider.create(spec('n1', { trust: 'first-use' }));
      const kept = join(far, 'nodes', 'n1', 'kept');
      mkdirSync(kept);
      execFileSync('mount', ['-t', 'tmpfs', 'none', kept]);
      try {
        await expect(provider.destroy('n1')).rejects.toMatchObject({
          code: 'HOST_UNSUITABLE',
          message: expect.stringMatching(
            /node n1 has ended, but .* cannot be removed whole \(.*kept/,
          ),
        });
      } finally {
        execFileSync('umount', [kept]);
      }
      expect(await provider.describe('n1')).toMatchObject({ state: { kind: 'exited' } });
      expect(await provider.destroy('n1')).toBe(true);
      expect(existsSync(far)).toBe(false);
      expect(await provider.list()).toEqual([]);
    },
  );

  it('T4: a removal that was cut off behind its node is finished by the next', async () => {
    await provider.create(spec('n1', { trust: 'first-use' }));
    const here = processProvider({ stateDir: far, main });
    const build = readFileSync(join(far, 'nodes', 'n1', 'build'));
    await here.destroy('n1', { drainMsMax: 0 });
    expect(existsSync(far)).toBe(false);
    // As it was when the folder of the node was gone, and the build not yet.
    mkdirSync(join(far, 'builds', build.toString().trim()), { recursive: true });
    expect(await provider.list()).toMatchObject([{ name: 'n1', state: { kind: 'absent' } }]);
    expect(await provider.destroy('n1')).toBe(true);
    expect(existsSync(far)).toBe(false);
    expect(await provider.list()).toEqual([]);
  });

  it('V2: a node that is refused by its cell is an error with its own code', async () => {
    const node = { refuse: 'ETCD_UNREACHABLE: nothing answers at http://10.0.0.1:2379' };
    await expect(provider.create(spec('n1', { trust: 'first-use', node }))).rejects.toMatchObject({
      code: 'ETCD_UNREACHABLE',
    });
    await nothingIsLeft();
  });

  it('a name that lies on another machine is not put on a second one', async () => {
    await provider.create(spec('n1', { trust: 'first-use' }));
    await expect(
      provider.create(spec('n1', { target: 'somebody@127.0.0.1:1', trust: 'first-use' })),
    ).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  it('R3: a name that is put on two machines at once comes to one, and is known there', async () => {
    await provider.create(spec('n0', { trust: 'first-use' }));
    const elsewhere = join(folder, 'elsewhere');
    const both = [far, elsewhere].map((one) => provider.create(spec('n1', { folder: one })));
    const refused = (await Promise.allSettled(both)).filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'ALREADY_EXISTS' } }]);
    expect(await provider.describe('n1')).toMatchObject({ state: { kind: 'running' } });
    expect(await provider.destroy('n1', { drainMsMax: 0 })).toBe(true);
    expect(await processProvider({ stateDir: elsewhere, main }).list()).toEqual([]);
    expect(await provider.list()).toMatchObject([{ name: 'n0' }]);
  });

  it.each([
    'host',
    'user@',
    '@host',
    'user@host:0',
    'user@host:70000',
    '-l@host',
    'user@-oX',
    'a@b c',
  ])('refuses the target %s', async (target) => {
    await expect(provider.create(spec('n1', { target }))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

function spec(name: string, more: Partial<SshNodeSpec> = {}): SshNodeSpec {
  return {
    name,
    target: server.target,
    keyFile: server.keyFile,
    folder: far,
    program: 'node',
    shared: {},
    restart: { pauseMs: 10 },
    readyMsMax: 20_000,
    ...more,
  };
}

function fingerprint() {
  return { fingerprint: server.fingerprint() };
}

function pidOf(found: NodeState): number {
  if (found.kind !== 'running') throw new Error(`it does not run: ${JSON.stringify(found)}`);
  return found.pid;
}

async function nothingIsLeft(): Promise<void> {
  expect(existsSync(far)).toBe(false);
  expect(await provider.list()).toEqual([]);
}

/** A folder of programs to be a machine's whole PATH: the plain ones, and these. */
function toolbox(tools: readonly string[]): string {
  const box = join(folder, 'box');
  mkdirSync(box);
  const plain = ['sh', 'cat', 'mkdir', 'rmdir', 'rm', 'mv', 'ln', 'date', 'sleep', 'grep', 'tail'];
  for (const tool of [...plain, ...tools.filter((one) => one !== 'old-node')]) {
    symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(box, tool));
  }
  if (tools.includes('old-node')) {
    const file = join(box, 'node');
    writeFileSync(file, '#!/bin/sh\n[ "$1" = --version ] && echo v18.20.0 && exit\nexit 1\n');
    chmodSync(file, 0o755);
  }
  return box;
}
