import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Machine, makeNetwork, type Network, noNetwork } from '../src/index.ts';

const program = fileURLToPath(new URL('programs/peer.mjs', import.meta.url));
const missing = noNetwork();

interface Peer {
  readonly machine: Machine;
  readonly child: ChildProcess;
  readonly heard: string[];
  ask(other: Peer, times?: number): void;
}

const setpriv = '/usr/bin/setpriv';
it.skipIf(missing !== undefined || !existsSync(setpriv))(
  'root that may make no namespaces, as in most containers, is told so, and nothing is left',
  () => {
    const module = new URL('../dist/index.js', import.meta.url).href;
    const script = `const { noNetwork } = await import('${module}'); process.stdout.write(noNetwork() ?? '');`;
    const words = ['--bounding-set=-sys_admin,-net_admin', '--inh-caps=-all', process.execPath];
    const { pid, stdout } = spawnSync(setpriv, [...words, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^needs leave to make network namespaces, .*\(.*not permitted\)$/);
    expect(existsSync(`/run/netns/troupe-try-${pid}`)).toBe(false);
  },
);

describe.skipIf(missing !== undefined)(`machines as namespaces ${missing ?? ''}`.trim(), () => {
  let network: Network;
  let peers: Peer[];
  const at = (index: number): Peer => {
    const peer = peers[index];
    if (peer === undefined) throw new Error(`no peer ${index}`);
    return peer;
  };

  beforeAll(async () => {
    network = makeNetwork(['a', 'b', 'c']);
    peers = await Promise.all(network.machines.map(startPeer));
  });
  afterEach(() => {
    network.heal();
    for (const peer of peers) peer.heard.length = 0;
  });
  afterAll(() => network.remove());

  function count(peer: Peer, word: string, from: Peer): number {
    return peer.heard.filter((line) => line === `${word} ${from.machine.address}`).length;
  }

  async function reach(one: Peer, other: Peer): Promise<void> {
    one.ask(other);
    await expect.poll(() => count(one, 'answer', other), { timeout: 20_000 }).toBeGreaterThan(0);
  }

  it('reach each other while nothing is wrong', async () => {
    await reach(at(0), at(1));
    await reach(at(2), at(0));
  });

  it('a cut in one direction stops that one alone, until it is healed', async () => {
    const [a, b, c] = [at(0), at(1), at(2)];
    const fault = network.begin([{ source: a.machine, target: b.machine }], { kind: 'cut' });
    a.ask(b);
    await expect.poll(() => fault.befallen()).toBe(1);
    b.ask(a);
    await expect.poll(() => fault.befallen()).toBe(2);
    await expect.poll(() => a.heard).toEqual([`ask ${b.machine.address}`]);
    expect(b.heard).toEqual([]);
    await reach(a, c);
    fault.heal();
    expect(fault.befallen()).toBe(2);
    await reach(a, b);
  });

  it('L2: a partition parts two sides; healing another fault leaves it', async () => {
    const [a, b, c] = [at(0), at(1), at(2)];
    const other = network.begin([{ source: b.machine, target: a.machine }], { kind: 'cut' });
    const parted = network.partition([a.machine], [b.machine, c.machine]);
    other.heal();
    for (const [one, two] of [
      [a, b],
      [a, c],
      [b, a],
      [c, a],
    ] as const) {
      one.ask(two);
    }
    await expect.poll(() => parted.befallen()).toBe(4);
    expect([a, b, c].flatMap((peer) => peer.heard)).toEqual([]);
    await reach(b, c);
    network.heal();
    await reach(a, b);
    await reach(c, a);
  });

  it('loss takes about as many packets as it says', async () => {
    const [a, b] = [at(0), at(1)];
    const fault = network.begin([{ source: a.machine, target: b.machine }], {
      kind: 'loss',
      percent: 30,
    });
    // Few enough for the buffer of a socket.
    const sent = 200;
    a.ask(b, sent);
    await expect.poll(() => fault.befallen() + count(b, 'ask', a)).toBe(sent);
    expect(fault.befallen()).toBeGreaterThan(20);
    expect(fault.befallen()).toBeLessThan(110);
  });

  it('a slow link loses what goes beyond its rate', async () => {
    const [a, b] = [at(0), at(1)];
    const fault = network.begin([{ source: a.machine, target: b.machine }], {
      kind: 'slow',
      kilobytesPerSecond: 1,
    });
    a.ask(b, 1_000);
    await expect.poll(() => fault.befallen()).toBeGreaterThan(500);
    await expect.poll(() => count(b, 'ask', a)).toBeGreaterThan(0);
  });

  it('a reset ends a connection that stands', async () => {
    const { machine } = at(0);
    const accepted = new Promise<Socket>((resolve) => {
      const server = createServer(resolve).listen(0, network.address, () => {
        const address = server.address();
        const port = typeof address === 'object' ? address?.port : 0;
        const connect = `require('net').connect(${port}, '${network.address}')`;
        const script = `${connect}.on('error', () => undefined)`;
        const words = [...machine.prefix, process.execPath, '-e', script];
        spawn(words[0] ?? '', words.slice(1), { stdio: 'ignore' });
      });
      server.unref();
    });
    const socket = await accepted;
    const here = { ...machine, address: network.address };
    const fault = network.begin([{ source: here, target: machine }], { kind: 'reset' });
    socket.write('hello');
    const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
      socket.once('error', resolve),
    );
    expect(error.code).toBe('ECONNRESET');
    expect(fault.befallen()).toBeGreaterThan(0);
  });

  it('a frozen machine answers when it thaws, not before', async () => {
    const [a, b, c] = [at(0), at(1), at(2)];
    b.machine.freeze();
    a.ask(b);
    await reach(a, c);
    expect(count(a, 'answer', b)).toBe(0);
    b.machine.thaw();
    await expect.poll(() => count(a, 'answer', b), { timeout: 20_000 }).toBe(1);
  });

  it('M1: a machine that dies takes all its processes along, and no other', async () => {
    const [a, b, c] = [at(0), at(1), at(2)];
    const ended = new Promise((resolve) => c.child.once('exit', resolve));
    c.machine.kill();
    await ended;
    expect(c.machine.pids()).toEqual([]);
    await reach(a, b);
  });
});

async function startPeer(machine: Machine): Promise<Peer> {
  const words = [...machine.prefix, process.execPath, program];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const heard: string[] = [];
  const ready = new Promise<void>((resolve) => {
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (lines[0] === 'ready') resolve();
      heard.push(...lines.filter((line) => line !== 'ready'));
    });
  });
  await ready;
  return {
    machine,
    child,
    heard,
    ask: (other, times = 1) => void child.stdin.write(`${other.machine.address}\n`.repeat(times)),
  };
}
