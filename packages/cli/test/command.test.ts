import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../src/command/exit-code.ts';
import { argumentsOf } from '../src/command/json-argument.ts';
import { makeProgram } from '../src/command/program.ts';
import { identityOf } from '../src/local/identity.ts';
import { troupe } from './run-command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-command-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('wrong usage ends with exit code 2 and says what to type', () => {
  const cases: readonly [args: string[], says: string][] = [
    [['bogus'], "unknown command 'bogus'"],
    [['call', 'Counter/visits'], "missing required argument 'method'"],
    [['call', 'Counter', 'add'], 'write Type/key'],
    [['call', 'Counter/', 'add'], 'write Type/key'],
    [['call', 'Counter/visits', 'add', 'hello'], `'"hello"'; or take every argument as text`],
    [['call', 'Counter/visits', 'add', '--deadline', 'soon'], '--deadline "soon"'],
    [['task', 'read', '{file:'], 'the input is not JSON'],
    [['task', 'read', '1', '--priority', 'urgent'], 'Allowed choices are low, normal, high'],
    [['run', 'digest', '--limit', '0'], '--limit "0" is no time; leave it out for no limit'],
    [['run', 'digest', '--limit', '0.4ms'], '--limit "0.4ms" is no time'],
    [['up', '--nodes', '-1'], '--nodes "-1"'],
    [['up', '--nodes', 'many'], '--nodes "many" is not a whole number'],
    [['up', '--port', '70000'], 'above 65535'],
    [['status', '--tenant', 'Acme!'], '--tenant "Acme!" is no name'],
    [['tenants', 'add', 'acme', '--weight', '0'], 'no positive number'],
    [['tenants', 'set', 'acme', '--cpu', 'many'], '--cpu "many" is no positive number or "none"'],
    [['tenants', 'set', 'acme', '--in-flight', ''], '--in-flight "" is no positive number'],
    [['tenants', 'set', 'acme', '--priority', '3'], 'Allowed choices are high, normal, low'],
    [['tenants', 'set', 'acme', '--strategy', 'fast'], 'Allowed choices are first-fit, best-fit'],
    [['tenants', 'reserve', 'acme', 'gold', '--cpu', '2'], '--count says how many places'],
    [
      ['tenants', 'reserve', 'acme', 'gold', '--cpu', '1', '--count', '0'],
      '--count "0" is no positive number',
    ],
    [['tenants', 'reserve', 'acme', 'gold', '--count', '2'], 'say what a place holds'],
    [['tenants', 'reserve', 'acme', 'gold', '--count', '1', '--cpu', '-1'], '--cpu "-1" is no'],
    [['tenants', 'reserve', 'acme', 'gold', '--count', '1', '--gpus', '2'], '--gpus "2" is not a'],
    [['tenants', 'reserve', 'acme', 'Gold'], '"Gold" is no name of a reservation'],
    [['tenants', 'set', 'acme', '--queue', 'reports'], 'is not name=weight'],
    [['tenants', 'set', 'acme', '--queue', 'a=1', '--queue', 'a=2'], '--queue names a twice'],
    [['task', 'read', '1', '--due-in', 'soon'], '--due-in "soon"'],
    [['kill-node', 'n1', '--signal', 'BANG'], 'is no signal'],
    [['actors', '--prefix', 'team'], '--prefix needs --type'],
    [['timers', 'Counter'], '"Counter" is no actor'],
    [['timers', '--limit', 'many'], '--limit "many"'],
    [['node', 'start'], 'give --name, or --config'],
    [
      ['node', 'add', '--name', 'p', '--key', 'k', '--host-key', 'x', '--folder', 'y'],
      '--key, --host-key, --folder: only for a machine reached by ssh',
    ],
    [['node', 'remove', 'N 1'], '"N 1" is no name of a node'],
    [['node', 'add', '--name', 'p', '--program', 'z'], '--program: only for a machine reached'],
    [['node', 'add', '--name', 'p', '--trust-on-first-use'], '--trust-on-first-use: only for'],
    [
      [
        'node',
        'add',
        'a@b',
        '--etcd',
        'x',
        '--nats',
        'y',
        '--host-key',
        'z',
        '--trust-on-first-use',
      ],
      '--host-key or --trust-on-first-use: give one of them',
    ],
    [
      ['node', 'start', '--name', 'n9', '--cpu', '2', '--resource', 'cpu=3'],
      'the resource cpu is given twice',
    ],
    [
      ['node', 'start', '--name', 'n9', '--label', 'a=1', '--label', 'a=2'],
      'the label a is given twice',
    ],
    [['node', 'start', '--config', 'x.yaml', '--name', 'n9'], 'leave out --name'],
    [['node', 'start', '--name', 'n9'], 'give --etcd and --nats'],
    [
      ['node', 'start', '--name', '../n9', '--etcd', 'x', '--nats', 'y'],
      '--name "../n9" is no name',
    ],
    [['status', '--address', 'nonsense'], 'address "nonsense" is not host:port'],
    [['deploy', 'nowhere.ts'], 'nowhere.ts is no file'],
    [['deploy', '.'], '. is no file'],
  ];
  it.each(cases)('%j', async (args, says) => {
    const ran = await troupe(args, { cwd: folder });
    expect(ran.stderr).toContain(says);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
  });
});

describe('a cluster that cannot be reached ends with exit code 3', () => {
  it('names the address and the next move', async () => {
    const port = await closedPort();
    const ran = await troupe(['status', '--address', `127.0.0.1:${port}`], { cwd: folder });
    expect(ran.stderr).toMatch(/^UNAVAILABLE: no cluster answers at 127\.0\.0\.1:\d+; .*troupe up/);
    expect(ran.code).toBe(3);
  });

  it('takes the address from TROUPE_ADDRESS and gives the error as JSON with --json', async () => {
    const address = `127.0.0.1:${await closedPort()}`;
    const ran = await troupe(['call', 'Counter/a', 'add', '-5', '--json'], {
      cwd: folder,
      env: { TROUPE_ADDRESS: address },
    });
    expect(ran.code).toBe(3);
    const answer: unknown = JSON.parse(ran.stdout);
    expect(answer).toMatchObject({
      error: { code: 'UNAVAILABLE', message: expect.stringContaining(address) },
    });
  });
});

describe('the help', () => {
  it('has examples for every command', () => {
    const without = commandsOf(makeProgram())
      .filter((command) => !helpOf(command).includes('\nExamples:\n  $ troupe '))
      .map((command) => command.name());
    expect(without).toEqual([]);
  });

  it('documents the exit codes, and asking for it is no failure', async () => {
    for (const args of [['--help'], ['runs', 'resume', '--help']]) {
      const ran = await troupe(args);
      expect(ran.code).toBe(0);
      expect(ran.stdout).toContain('3    the cluster (or its etcd or NATS) cannot be reached');
      expect(ran.stdout).toContain('--json');
    }
  });
});

describe('arguments of a call', () => {
  it('are JSON values, or text when asked', () => {
    expect(argumentsOf(['1', '"a/b"', '{"deep":[null]}', '-2.5'], false)).toEqual([
      1,
      'a/b',
      { deep: [null] },
      -2.5,
    ]);
    expect(argumentsOf(['1', 'https://example.org'], true)).toEqual(['1', 'https://example.org']);
  });
});

describe('commands about a local cluster that is not there', () => {
  it('`down` has nothing to do and says so', async () => {
    const ran = await troupe(['down', '--json'], { cwd: folder });
    expect(JSON.parse(ran.stdout)).toMatchObject({ stopped: false });
    expect(ran.code).toBe(0);
  });

  it('`node logs` of a node that was never added says how to list those that were', async () => {
    const ran = await troupe(['node', 'logs', 'zz', '--data', folder]);
    expect(ran.stderr).toMatch(/^UNKNOWN_NODE: no node zz was added; .* `troupe node list`/);
    expect(ran.code).toBe(1);
  });

  it('`node remove` goes on after a step that failed, and says where it is', async () => {
    const data = join(folder, 'half');
    const nodes = join(data, 'providers', 'process', 'nodes');
    await mkdir(join(nodes, 'n1'), { recursive: true });
    // Somebody who lives is at the node.
    const lock = join(nodes, '.n1.lock');
    await writeFile(lock, `${process.pid} ${identityOf(process.pid)}\n`);
    const records = join(data, 'providers', 'ssh', 'nodes');
    await mkdir(records, { recursive: true });
    await writeFile(join(records, 'n1.json'), 'damaged');
    const remove = () => troupe(['node', 'remove', 'n1', '--forget', '--data', data]);
    const failed = await remove();
    expect(failed.stderr).toMatch(/^HOST_BUSY: this machine: a process there .* ends node n1; /);
    expect(failed.stderr).toContain('what the provider ssh had of node n1 is removed');
    expect(failed.stderr).toContain('`troupe node remove n1` goes on from there');
    expect(failed.code).toBe(1);
    await rm(lock);
    expect(await remove()).toMatchObject({ stdout: 'node n1 is removed\n', code: 0 });
    expect(await remove()).toMatchObject({ stdout: 'no node n1 was added\n', code: 0 });
  });

  it('`kill-node` fails with a coded error', async () => {
    const ran = await troupe(['kill-node', 'n1'], { cwd: folder });
    expect(ran.stderr).toContain('WRONG_STATE: nothing is up in');
    expect(ran.code).toBe(1);
  });
});

it('an error that is not ours is a failure, not a usage error', () => {
  expect(exitCodeOf(new Error('odd'))).toBe(1);
});

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
