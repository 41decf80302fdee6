import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NodeSpec, type NodeState, type Provider, processProvider } from '../src/index.ts';

const main = fileURLToPath(new URL('programs/node.mjs', import.meta.url));
const restart = { pauseMs: 10, pauseMsMax: 40, crashesMax: 3 };

let stateDir: string;
let provider: Provider;
beforeEach(() => {
  stateDir = join(mkdtempSync(join(tmpdir(), 'troupe-process-')), "it's here; $(no)");
  provider = processProvider({ stateDir, main });
});
afterEach(async () => {
  for (const { name } of await provider.list()) await provider.destroy(name, { drainMsMax: 0 });
  rmSync(join(stateDir, '..'), { recursive: true });
});

function spec(name: string, more: Partial<NodeSpec> = {}): NodeSpec {
  return { name, shared: {}, restart, readyMsMax: 20_000, ...more };
}

function state(name: string): Promise<NodeState | undefined> {
  return provider.describe(name).then((status) => status?.state);
}

/** Ends each start of the node as soon as it is ready. */
async function endAgainAndAgain(name: string, signal: 'SIGKILL' | 'SIGUSR2', times: number) {
  const ended = new Set<number>();
  while (ended.size < times) {
    const now = await state(name);
    if (now?.kind !== 'running' || now.incarnation === undefined || ended.has(now.pid)) continue;
    ended.add(now.pid);
    process.kill(now.pid, signal);
  }
}

function pidOf(found: NodeState | undefined): number {
  if (found?.kind !== 'running') throw new Error(`it does not run: ${JSON.stringify(found)}`);
  return found.pid;
}

/** `S` sleeps, `T` is stopped. */
function statusLetter(pid: number): string | undefined {
  return /^State:\s*(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
}

function gone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    // Nobody has this pid.
    return true;
  }
}

describe('nodes as processes of this machine', () => {
  it('V1: a node that runs is said to run, and is left alone', async () => {
    const first = await provider.create(spec('n1'));
    expect(first).toMatchObject({ created: true, state: { kind: 'running', supervised: true } });
    const second = await provider.create(spec('n1'));
    expect(second).toEqual({ ...first, created: false });
  });

  it('N1: creates that race make one node', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => provider.create(spec('n1'))));
    expect(new Set(all.map((one) => pidOf(one.state))).size).toBe(1);
  });

  it('a later provider on the same folder finds, describes and destroys the node', async () => {
    const { state: before } = await provider.create(spec('n1', { env: { GREETING: "it's me" } }));
    const later = processProvider({ stateDir, main });
    expect(await later.list()).toMatchObject([{ name: 'n1', state: before }]);
    expect(await later.logs('n1')).toContain("it's me");
    expect(await later.destroy('n1')).toBe(true);
    expect(gone(pidOf(before))).toBe(true);
    expect(await later.describe('n1')).toBeUndefined();
    expect(await later.destroy('n1')).toBe(false);
    expect(existsSync(stateDir)).toBe(false);
  });

  it('a node that is killed is started again, as another process', async () => {
    const before = pidOf((await provider.create(spec('n1'))).state);
    process.kill(before, 'SIGKILL');
    await expect
      .poll(() => provider.describe('n1'), { timeout: 20_000 })
      .toMatchObject({ restarts: 1, state: { kind: 'running', incarnation: expect.any(String) } });
    expect(pidOf(await state('n1'))).not.toBe(before);
  });

  it('N6: a node is said to be what it is as soon as there is room to write that', async () => {
    const before = pidOf((await provider.create(spec('n1'))).state);
    const its = (file: string) => join(stateDir, 'nodes', 'n1', file);
    mkdirSync(its('state.new'));
    process.kill(before, 'SIGKILL');
    const pidNow = () => /"pid":(\d+)/.exec(readFileSync(its('ready'), 'utf8'))?.[1] ?? `${before}`;
    await expect.poll(pidNow, { timeout: 20_000 }).not.toBe(`${before}`);
    expect(readFileSync(its('state'), 'utf8')).toContain(` ${before} `);
    rmdirSync(its('state.new'));
    await expect
      .poll(() => provider.describe('n1'), { timeout: 20_000 })
      .toMatchObject({ restarts: 1, state: { kind: 'running', pid: Number(pidNow()) } });
  });

  it('a node that crashes again and again is given up, and can be created anew', async () => {
    await provider.create(spec('n1'));
    await endAgainAndAgain('n1', 'SIGKILL', restart.crashesMax + 1);
    await expect
      .poll(() => state('n1'), { timeout: 20_000 })
      .toMatchObject({ kind: 'crash-loop', code: 137 });
    expect(await provider.create(spec('n1'))).toMatchObject({ created: true, restarts: 0 });
  });

  it('N3: an outage of the servers is no crash', async () => {
    await provider.create(spec('n1'));
    await endAgainAndAgain('n1', 'SIGUSR2', restart.crashesMax + 2);
    await expect
      .poll(() => provider.describe('n1'), { timeout: 20_000 })
      .toMatchObject({ restarts: restart.crashesMax + 2, state: { kind: 'running' } });
  });

  it('V2: a node that cannot start is an error with its own code; nothing is left', async () => {
    const refused = provider.create(spec('n1', { node: { refuse: 'NATS_UNREACHABLE: no NATS' } }));
    await expect(refused).rejects.toMatchObject({
      code: 'NATS_UNREACHABLE',
      message: expect.stringContaining('node n1 on this machine ended with code 1'),
    });
    await expect(
      provider.create(spec('n1', { node: { refuse: 'words of a stranger' } })),
    ).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: expect.stringContaining('words of a stranger'),
    });
    expect(await provider.list()).toEqual([]);
    expect(existsSync(stateDir)).toBe(false);
  });

  it('a node that lost its supervisor is seen so, and the next create mends it', async () => {
    const before = pidOf((await provider.create(spec('n1'))).state);
    const record = readFileSync(join(stateDir, 'nodes', 'n1', 'supervisor'), 'utf8');
    process.kill(Number(record.split(' ')[0]), 'SIGKILL');
    await expect
      .poll(() => state('n1'))
      .toMatchObject({ kind: 'running', pid: before, supervised: false });
    expect(await provider.create(spec('n1'))).toMatchObject({
      created: true,
      state: { kind: 'running', supervised: true },
    });
    await expect.poll(() => gone(before)).toBe(true);
  });

  it('refuses a name that is none, and a variable that is none', async () => {
    const wrong = { code: 'INVALID_ARGUMENT' };
    await expect(provider.create(spec('../n1'))).rejects.toMatchObject(wrong);
    await expect(provider.destroy('../n1')).rejects.toMatchObject(wrong);
    await expect(provider.create(spec('n1', { env: { 'A B': '' } }))).rejects.toMatchObject(wrong);
    expect(await provider.list()).toEqual([]);
  });

  it('N4: an end that was asked for is no crash, however often and whatever its code', async () => {
    await provider.create(spec('n1', { restart: { ...restart, crashesMax: 0 } }));
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      const ended = pidOf(await state('n1'));
      expect(await provider.signal('n1', { signal, againAfterMs: 10 })).toEqual({ pid: ended });
      await expect
        .poll(() => state('n1'), { timeout: 20_000 })
        .toMatchObject({ kind: 'running', pid: expect.not.toBeOneOf([ended]) });
    }
  });

  it('N5: a node that is told to end before it can hear that has ended, and is not started again', async () => {
    const begun = await provider.create(spec('n1', { node: { young: true } }));
    process.kill(pidOf(begun.state), 'SIGTERM');
    const ended = { kind: 'exited', code: 143 };
    await expect.poll(() => state('n1'), { timeout: 20_000 }).toMatchObject(ended);
  });

  it('G2: a frozen node is thawed by its machine', async () => {
    const pid = pidOf((await provider.create(spec('n1'))).state);
    await provider.signal('n1', { signal: 'SIGSTOP', thawAfterMs: 3_000 });
    // A process stops when it is next looked at, and one that was thawed may be at work.
    await expect.poll(() => statusLetter(pid)).toBe('T');
    await expect.poll(() => statusLetter(pid), { timeout: 20_000 }).toMatch(/[RSD]/);
  });

  it('V1: a signal to a node that is not there does nothing', async () => {
    expect(await provider.signal('n1', { signal: 'SIGKILL' })).toBeUndefined();
    await provider.create(spec('n1'));
    // This one has no runners.
    expect(await provider.signal('n1', { to: 'runner', signal: 'SIGKILL' })).toBeUndefined();
  });
});
