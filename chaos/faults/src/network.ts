/**
 * Machines on one switch: namespaces whose links meet in a bridge of this machine, which has an
 * address there too. One-way and whole partitions, loss and resets between them.
 *
 * W1  after `remove`, one after a failed start, or the end of this process however it came, no
 *     namespace, link or process of it is left.
 */
import { existsSync } from 'node:fs';
import { run, tryRun } from './command.ts';
import { lastWill } from './last-will.ts';
import { type Fault, type Link, type LinkFault, Links } from './links.ts';
import { type Machine, machineAt } from './machine.ts';

export interface Network {
  /** Of this machine, as the others see it. */
  readonly address: string;
  readonly machines: readonly Machine[];
  /** Lays a fault on links; each is one direction. */
  begin(links: readonly Link[], what: LinkFault): Fault;
  /** No machine of one side hears any of the other; both directions. */
  partition(one: readonly Machine[], other: readonly Machine[]): Fault;
  /** Ends whatever fault of a link is left. */
  heal(): void;
  /** Kills what runs on the machines and takes them away. */
  remove(): void;
}

const machinesMax = 250;

/** Why no network can be made here; absent where one can. */
export function noNetwork(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux, for network namespaces';
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces';
  for (const [tool, from] of [
    ['ip', 'iproute2'],
    ['nft', 'nftables'],
  ] as const) {
    if (!tryRun([tool, '-V'])) return `needs ${tool}, from the package ${from}`;
  }
  return refusedHere();
}

/** Root of a container is often let make none: only a try can tell. */
function refusedHere(): string | undefined {
  const name = `troupe-try-${process.pid}`;
  const near = `trytr${process.pid}`;
  try {
    run(['ip', 'netns', 'add', name]);
    run(['ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
    run(['ip', 'netns', 'exec', name, 'nft', 'list', 'ruleset']);
    return undefined;
  } catch (cause) {
    const words = cause instanceof Error ? (cause.message.trim().split('\n').at(-1) ?? '') : '';
    return `needs leave to make network namespaces, as a privileged container has it (${words})`;
  } finally {
    tryRun(['ip', 'netns', 'del', name]);
  }
}

export function makeNetwork(names: readonly string[]): Network {
  if (names.length > machinesMax)
    throw new Error(`at most ${machinesMax} machines, not ${names.length}`);
  const number = freeNumber();
  const net = `10.${100 + (number >> 8)}.${number & 255}`;
  const bridge = `troupe${number}`;
  const namespaces = names.map((_, index) => `${bridge}-${index + 1}`);
  const machines = names.map((name, index) =>
    machineAt(name, namespaces[index] ?? '', `${net}.${index + 2}`),
  );
  // W1. A network that is removed leaves nothing to this script.
  const dismiss = lastWill(ruins(bridge, namespaces));
  const removeAtExit = () => remove();
  process.once('exit', removeAtExit);
  let removed = false;
  const remove = () => {
    if (removed) return;
    removed = true;
    process.off('exit', removeAtExit);
    for (const [index, namespace] of namespaces.entries()) {
      if (!existsSync(`/run/netns/${namespace}`)) continue;
      machines[index]?.kill();
      run(['ip', 'netns', 'del', namespace]);
    }
    tryRun(['ip', 'link', 'del', bridge]);
    dismiss();
  };
  try {
    run(['ip', 'link', 'add', bridge, 'type', 'bridge']);
    run(['ip', 'addr', 'add', `${net}.1/24`, 'dev', bridge]);
    run(['ip', 'link', 'set', bridge, 'up']);
    for (const [index, namespace] of namespaces.entries()) {
      plug(bridge, namespace, `tr${number}m${index + 1}`, `${net}.${index + 2}/24`);
    }
  } catch (cause) {
    remove();
    throw cause;
  }
  return { address: `${net}.1`, machines, remove, ...faultsOf() };
}

/** Ends what runs in the namespaces and takes them away; what is gone already does no harm. */
function ruins(bridge: string, namespaces: readonly string[]): string {
  return [
    `for name in ${namespaces.join(' ')}; do`,
    '  for look in 1 2 3; do',
    '    for pid in $(ip netns pids $name); do kill -KILL $pid; done',
    '  done',
    '  ip netns del $name',
    'done',
    `ip link del ${bridge}`,
  ].join('\n');
}

function plug(bridge: string, namespace: string, near: string, address: string): void {
  run(['ip', 'netns', 'add', namespace]);
  const inside = ['ip', '-n', namespace];
  run(['ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
  run(['ip', 'link', 'set', near, 'master', bridge, 'up']);
  run([...inside, 'addr', 'add', address, 'dev', 'eth0']);
  run([...inside, 'link', 'set', 'eth0', 'up']);
  run([...inside, 'link', 'set', 'lo', 'up']);
}

function faultsOf(): Pick<Network, 'begin' | 'partition' | 'heal'> {
  const links = new Links();
  const active = new Set<Fault>();
  const begin = (where: readonly Link[], what: LinkFault): Fault => {
    const fault = links.begin(where, what);
    const tracked: Fault = {
      befallen: () => fault.befallen(),
      heal: () => {
        active.delete(tracked);
        fault.heal();
      },
    };
    active.add(tracked);
    return tracked;
  };
  return {
    begin,
    partition(one, other) {
      const pairs = one.flatMap((source) => other.map((target) => ({ source, target })));
      const back = pairs.map(({ source, target }) => ({ source: target, target: source }));
      return begin([...pairs, ...back], { kind: 'cut' });
    },
    heal() {
      for (const fault of [...active]) fault.heal();
    },
  };
}

/** A number whose bridge nobody has; it begins with our pid, so that two runs rarely meet. */
function freeNumber(): number {
  const numbers = 10_000;
  for (let tries = 0; tries < numbers; tries += 1) {
    const number = (process.pid + tries) % numbers;
    if (!existsSync(`/sys/class/net/troupe${number}`)) return number;
  }
  throw new Error('every number of a network is taken');
}
