import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isRunning } from '../src/local/identity.ts';
import { readRecord, type UpRecord } from '../src/local/state-file.ts';
import { begin, type Ran, troupe } from './run-command.ts';

type Known = UpRecord['processes'][number];

const fixture = fileURLToPath(new URL('fixtures/counter.ts', import.meta.url));
const timeout = 60_000;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-chaos-'));
  const up = await run('up', '--detach', '--nodes', '2', '--schedulers', '2', '--port', '0');
  expect(up).toMatchObject({ code: 0 });
  await run('deploy', fixture);
  await startRunners('first');
}, 90_000);
afterAll(async () => {
  await troupe(['down', '--data', folder]);
  rmSync(folder, { recursive: true });
});

function run(...args: string[]): Promise<Ran> {
  return troupe([...args, '--data', folder], { env: { COLUMNS: '80' } });
}

const fault = z.object({
  outcome: z.string(),
  target: z.string(),
  pid: z.number(),
  incarnation: z.string().optional(),
  recoveredMs: z.number(),
  leaderlessMs: z.number(),
});

async function chaos(...args: string[]) {
  const ran = await run('chaos', ...args, '--yes', '--json');
  expect(ran).toMatchObject({ code: 0 });
  return fault.parse(JSON.parse(ran.stdout));
}

function processes(): readonly Known[] {
  return readRecord(folder)?.processes ?? [];
}

function processOf(name: string): Known {
  const found = processes().find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} does not run`);
  return found;
}

/** `T` is stopped by SIGSTOP. */
function isFrozen({ pid }: Known): boolean {
  return /^State:\s*T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** On each node one that can be crashed: idle actors that were moved have none. */
async function startRunners(keys: string): Promise<void> {
  for (let n = 0; n < 6; n++) await run('call', `Counter/${keys}-${n}`, 'add', '1');
}

async function untilWhole() {
  const alive = async () => (await run('nodes')).stdout.match(/ alive /g)?.length;
  await expect.poll(alive, { timeout }).toBe(2);
}

describe('`troupe chaos` before it acts', () => {
  it('does nothing without --yes where there is no terminal to ask at', async () => {
    const before = processes();
    for (const args of [['kill-node', 'n1'], ['run']]) {
      const ran = await run('chaos', ...args);
      expect(ran.stderr).toContain('there is no terminal to ask at; give --yes');
      expect(ran.code).toBe(2);
    }
    expect(processes()).toEqual(before);
    expect(before.every(isRunning)).toBe(true);
  });

  it('lists the kinds that can be had, and why others cannot, in 80 columns', async () => {
    const { stdout } = await run('chaos', 'list');
    expect(stdout).toMatch(/freeze-leader +yes +SIGSTOP/);
    expect(stdout).toMatch(/cut-node +no +all processes share one loopback/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('names the nodes there are when the one named is not', async () => {
    const ran = await run('chaos', 'kill-node', 'n7', '--yes');
    expect(ran.stderr).toMatch(/^UNKNOWN_NODE: no node n7 .* there are: n1, n2/);
    expect(ran.code).toBe(1);
  });

  it('says which kinds of a schedule there are, and why one cannot be had', async () => {
    const wrong = await run('chaos', 'run', '--only', 'kill-everything', '--yes');
    expect(wrong.stderr).toContain('there are kill-node, kill-leader');
    expect(wrong.code).toBe(2);
    const absent = await run('chaos', 'run', '--only', 'cut-node', '--yes');
    expect(absent.stderr).toContain('cut-node is not to be had here: all processes share');
    expect(absent.code).toBe(2);
  });
});

describe('a process that `troupe chaos` ends', () => {
  it.each(['kill-node', 'stop-node', 'drain-node', 'kill-standby', 'kill-leader'])(
    '%s: comes back, and the cluster is told to be whole when it has',
    async (kind) => {
      const before = processes();
      const { outcome, target, pid, recoveredMs } = await chaos(kind);
      expect(outcome).toBe('recovered');
      expect(recoveredMs).toBeGreaterThan(0);
      const victim = before.find((one) => one.pid === pid);
      expect(victim).toMatchObject({
        name: target,
        kind: kind.endsWith('node') ? 'node' : 'scheduler',
      });
      expect(victim !== undefined && isRunning(victim)).toBe(false);
      expect(isRunning(processOf(target))).toBe(true);
      const others = processes().filter((one) => one.name !== target);
      expect(others).toEqual(before.filter((one) => one.name !== target));
    },
    timeout,
  );

  it.each(['kill-etcd', 'restart-etcd', 'kill-nats', 'restart-nats'])(
    '%s: the server is started again on its data',
    async (kind) => {
      const { target, pid } = await chaos(kind);
      expect(kind).toContain(target);
      expect(processOf(target).pid).not.toBe(pid);
      expect((await run('call', 'Counter/first-0', 'get')).stdout).toBe('1\n');
    },
    timeout,
  );

  it('crash-runner: its node stays what it is, and its actors go on', async () => {
    const before = processes();
    expect(await chaos('crash-runner')).toMatchObject({ outcome: 'recovered' });
    expect(processes()).toEqual(before);
    expect((await run('call', 'Counter/first-0', 'get')).stdout).toBe('1\n');
  });

  it('stays away as long as was asked for', async () => {
    const ran = run('chaos', 'kill-node', 'n1', '--for', '3s', '--yes', '--json');
    await expect.poll(() => processes().map((one) => one.name)).not.toContain('n1');
    const { outcome, target } = fault.parse(JSON.parse((await ran).stdout));
    expect({ outcome, target }).toEqual({ outcome: 'recovered', target: 'n1' });
    expect(isRunning(processOf('n1'))).toBe(true);
  });

  it('makes the command fail, and say what is missing, when it is not back in time', async () => {
    const ran = await run('chaos', 'kill-node', 'n2', '--within', '0s', '--yes');
    expect(ran.stderr).toMatch(
      /^UNAVAILABLE: not whole again within 0 ms after kill-node: .*n2.*troupe node start --name n2/m,
    );
    expect(ran.code).toBe(1);
    await untilWhole();
  });
});

describe('a process that `troupe chaos` freezes', () => {
  it.each(['freeze-node', 'freeze-leader', 'freeze-etcd'])(
    '%s: stands still for its time and goes on',
    async (kind) => {
      const { outcome, pid } = await frozenDuring(
        run('chaos', kind, '--for', '4s', '--yes', '--json'),
      );
      expect(outcome).toBe('recovered');
      const now = processes().find((one) => one.pid === pid);
      expect(now !== undefined && isFrozen(now)).toBe(false);
    },
    timeout,
  );

  it('is thawed when the command is killed with -9', async () => {
    const command = begin(['chaos', 'freeze-node', 'n1', '--for', '5m', '--yes', '--data', folder]);
    const n1 = processOf('n1');
    await expect.poll(() => isFrozen(n1), { timeout }).toBe(true);
    command.kill('SIGKILL');
    await expect.poll(() => isFrozen(n1), { timeout }).toBe(false);
    await untilWhole();
  });

  it('is thawed on Ctrl-C, which ends with 130', async () => {
    const command = begin(['chaos', 'freeze-node', 'n1', '--for', '5m', '--yes', '--data', folder]);
    const n1 = processOf('n1');
    await expect.poll(() => isFrozen(n1), { timeout }).toBe(true);
    const second = await run('chaos', 'kill-node', 'n2', '--yes');
    expect(second.stderr).toMatch(/^ALREADY_EXISTS: another `troupe chaos`/);
    command.kill('SIGINT');
    expect((await command.ended).code).toBe(130);
    expect(isFrozen(n1)).toBe(false);
    await untilWhole();
  });

  async function frozenDuring(ran: Promise<Ran>) {
    await expect.poll(() => processes().some(isFrozen), { timeout }).toBe(true);
    const { stdout } = await ran;
    return fault.parse(JSON.parse(stdout));
  }
});

describe('a node that `troupe node add` put somewhere', () => {
  it('is ended, frozen and drained like the others, and comes back', async () => {
    expect(await run('node', 'add', '--name', 'p1')).toMatchObject({ code: 0 });
    try {
      for (const kind of ['kill-node', 'drain-node']) {
        const { outcome, incarnation } = await chaos(kind, 'p1');
        expect(outcome).toBe('recovered');
        // Q1: told to be whole only when it is there anew.
        const nodes = z
          .array(z.object({ name: z.string(), state: z.string(), incarnation: z.string() }))
          .parse(JSON.parse((await run('nodes', '--json')).stdout));
        const alive = nodes.filter((node) => node.name === 'p1' && node.state === 'alive');
        expect(alive).toHaveLength(1);
        expect(alive[0]?.incarnation).not.toBe(incarnation);
      }
      expect(await chaos('freeze-node', 'p1')).toMatchObject({ outcome: 'recovered' });
      const again = await run('node', 'add', '--name', 'p1', '--cpu', '3');
      expect(again.stdout).toContain('node p1 was there already');
      expect(again.stderr).toContain('--cpu: not changed, it keeps what it was added with');
      // What is asked for is no crash, and no end either.
      expect((await run('node', 'list')).stdout).toMatch(/p1 +running/);
    } finally {
      await run('node', 'remove', 'p1', '--now');
    }
  });
});

describe('a schedule of `troupe chaos run`', () => {
  it('plays what its seed planned, and tells the recovery of each kind', async () => {
    const kinds = ['kill-node', 'kill-standby', 'restart-nats'];
    const args = ['--for', '1s', '--seed', '7', '--only', kinds.join(','), '--yes'];
    const ran = await run('chaos', 'run', ...args, '--pause', '0s', '--json');
    expect(ran).toMatchObject({ code: 0 });
    const first = z
      .object({
        seed: z.number(),
        whole: z.boolean(),
        faults: z.array(z.object({ kind: z.string() })),
      })
      .parse(JSON.parse(ran.stdout));
    expect(first).toMatchObject({ seed: 7, whole: true });
    const again = await run('chaos', 'run', ...args, '--pause', '0s');
    expect(again.stderr).toMatch(/^seed 7; kill-node, kill-standby, restart-nats/);
    const told = [...again.stderr.matchAll(/^([a-z]+-[a-z]+): /gm)].map(([, kind]) => kind);
    const shared = Math.min(told.length, first.faults.length);
    expect(shared).toBeGreaterThan(0);
    expect(told.slice(0, 1)).toEqual(first.faults.slice(0, 1).map(({ kind }) => kind));
    expect(again.stdout).toMatch(/^KIND +TIMES +MEDIAN +MAX +SKIPPED\n/);
  });

  it('prints the table of what was done when it is interrupted', async () => {
    const args = [
      'chaos',
      'run',
      '--only',
      'freeze-node',
      '--for',
      '5m',
      '--yes',
      '--data',
      folder,
    ];
    const command = begin(args);
    await expect.poll(() => processes().some(isFrozen), { timeout }).toBe(true);
    command.kill('SIGINT');
    const { code, stdout } = await command.ended;
    expect(stdout).toMatch(/freeze-node +1 /);
    expect(stdout).toContain('interrupted');
    expect(code).toBe(130);
    expect(processes().some(isFrozen)).toBe(false);
  });
});

describe('a schedule of `troupe chaos run` that breaks off', () => {
  it('is not told as whole, and has one answer, with what was done before', async () => {
    await startRunners('last');
    const args = ['--only', 'crash-runner', '--for', '5m', '--pause', '4s', '--yes', '--json'];
    const command = begin(['chaos', 'run', ...args, '--data', folder]);
    await expect.poll(() => command.said(), { timeout }).toContain('whole again after');
    const schedulers = processes().filter(({ kind }) => kind === 'scheduler');
    for (const { pid } of schedulers) process.kill(pid, 'SIGSTOP');
    try {
      const { code, stdout, stderr } = await command.ended;
      expect(JSON.parse(stdout)).toMatchObject({
        whole: false,
        error: { code: 'NO_LEADER' },
        faults: expect.arrayContaining([
          expect.objectContaining({ kind: 'crash-runner', outcome: 'recovered' }),
        ]),
      });
      expect(stderr).toMatch(/^NO_LEADER: no leader of cell default answers; look with/m);
      expect(code).toBe(1);
    } finally {
      for (const { pid } of schedulers) process.kill(pid, 'SIGCONT');
    }
    await untilWhole();
  }, 90_000);
});

describe('`troupe chaos` where nothing is up', () => {
  it('gives up waiting when the cluster is stopped, and then has the usual error', async () => {
    const command = begin(['chaos', 'kill-node', 'n1', '--for', '2s', '--yes', '--data', folder]);
    await expect.poll(() => processes().map((one) => one.name), { timeout }).not.toContain('n1');
    await run('down');
    const { code, stderr } = await command.ended;
    expect(stderr).toContain('the cluster was stopped meanwhile');
    expect(code).toBe(1);
    for (const args of [['list'], ['kill-node', '--yes'], ['run', '--yes']]) {
      const ran = await run('chaos', ...args);
      expect(ran.stderr).toMatch(/^WRONG_STATE: nothing is up in .*`troupe up`/);
      expect(ran.code).toBe(1);
    }
  });
});
