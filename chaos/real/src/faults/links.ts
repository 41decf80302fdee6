/**
 * Links that break, lose packets, fall silent or grow slow: between machines by rules on their
 * packets, on one loopback by the proxy before NATS.
 */
import type { Link, Fault as LinkFault, Machine } from '@troupe/chaos-faults';
import type { Member, Role } from '../cluster/member.ts';
import type { Direction } from '../cluster/nats-proxy.ts';
import type { Stage } from '../cluster/stage.ts';
import { type Fault, holdOne, type Injected, leaseMs, needsMachines } from './fault.ts';

const cutMs = [leaseMs / 2, leaseMs * 3] as const;
const hurtMs = [2_000, 6_000] as const;

/** Nobody is told: what is sent just does not arrive, one way or both. */
export function cutFromNats(role: 'node' | 'leader'): Fault {
  return {
    lastsMs: cutMs,
    async inject(stage, random) {
      const member = await holdOne(stage, random, role);
      if (member === undefined) return undefined;
      const way = random.pick<Way>(['both', 'out', 'in']) ?? 'both';
      const release = () => stage.warden.release(member);
      if (stage.proxy === undefined) {
        return cut(stage, machinesOf([member]), machines(stage, 'nats'), way, release);
      }
      const { proxy } = stage;
      const count = proxy.cut(member.name, directions[way]);
      return {
        target: `${member.name} (${way})`,
        async undo() {
          proxy.heal(member.name);
          release();
        },
        befallen: () => count,
      };
    },
  };
}

/** The leader's lease can no longer be renewed, while it goes on to hear its nodes. */
export const cutLeaderFromEtcd: Fault = {
  lastsMs: cutMs,
  lacks: needsMachines,
  async inject(stage, random) {
    const leader = await holdOne(stage, random, 'leader');
    if (leader === undefined) return undefined;
    const way = random.pick<Way>(['both', 'out', 'in']) ?? 'both';
    const release = () => stage.warden.release(leader);
    return cut(stage, machinesOf([leader]), machines(stage, 'etcd'), way, release);
  },
};

/** Half of the nodes no longer reach NATS. */
export const cutHalf: Fault = {
  lastsMs: cutMs,
  lacks: needsMachines,
  async inject(stage, random) {
    const nodes = random.shuffled(machines(stage, 'node'));
    const half = nodes.slice(0, Math.max(1, Math.floor(nodes.length / 2)));
    const way = random.pick<Way>(['both', 'out', 'in']) ?? 'both';
    return cut(stage, half, machines(stage, 'nats'), way);
  },
};

/** All machines in two random groups that do not hear each other, or of which one is deaf. */
export function split(ways: readonly Way[]): Fault {
  return {
    lastsMs: cutMs,
    lacks: needsMachines,
    async inject(stage, random) {
      const all = random.shuffled(machinesOf(stage.warden.members));
      const size = random.between(1, all.length - 1);
      const way = random.pick(ways) ?? 'both';
      return cut(stage, all.slice(0, size), all.slice(size), way);
    },
  };
}

/** Connections of one process with NATS are reset, and once more at the end. */
export const resetLinks: Fault = {
  lastsMs: [500, 2_000],
  async inject(stage, random) {
    const member = await holdOne(stage, random, 'node');
    if (member === undefined) return undefined;
    const release = () => stage.warden.release(member);
    if (stage.proxy === undefined) {
      const links = between(machinesOf([member]), machines(stage, 'nats'), 'both');
      return begun(stage, links, { kind: 'reset' }, `${member.name} and NATS`, release);
    }
    const { proxy } = stage;
    const count = proxy.reset(member.name);
    return {
      target: member.name,
      async undo() {
        proxy.reset(member.name);
        release();
      },
      befallen: () => count,
    };
  },
};

/** Connections of clients with every scheduler are reset. */
export const resetClients: Fault = {
  lastsMs: [200, 1_000],
  lacks: needsMachines,
  async inject(stage) {
    const { network } = stage.ground;
    if (network === undefined) return undefined;
    const links = machines(stage, 'scheduler').map((target) => ({ source: network, target }));
    return begun(stage, links, { kind: 'reset' }, 'clients and schedulers');
  },
};

export const slowLinks: Fault = {
  lastsMs: hurtMs,
  async inject(stage, random) {
    const member = await holdOne(stage, random, 'node');
    if (member === undefined) return undefined;
    const release = () => stage.warden.release(member);
    const { proxy } = stage;
    if (proxy === undefined) {
      const kilobytesPerSecond = random.between(4, 30);
      const links = between(machinesOf([member]), machines(stage, 'nats'), 'both');
      const target = `${member.name} (${kilobytesPerSecond} KB/s)`;
      return begun(stage, links, { kind: 'slow', kilobytesPerSecond }, target, release);
    }
    const delayMs = random.between(50, 400);
    const count = proxy.slow(member.name, delayMs);
    return {
      target: `${member.name} (${delayMs} ms)`,
      async undo() {
        proxy.heal(member.name);
        release();
      },
      befallen: () => count,
    };
  },
};

/** Of a hundred packets between all machines a few are lost, each by chance. */
export const loseAny: Fault = {
  lastsMs: hurtMs,
  lacks: needsMachines,
  async inject(stage, random) {
    const percent = random.between(1, 20);
    const all = machinesOf(stage.warden.members);
    const some = random.shuffled(all).slice(0, random.between(1, all.length - 1));
    const others = all.filter((machine) => !some.includes(machine));
    const target = `${percent} % between ${namesOf(some)} and the others`;
    return begun(stage, between(some, others, 'both'), { kind: 'loss', percent }, target);
  },
};

/** Which of the two sides is not heard. */
type Way = 'both' | 'out' | 'in';

const directions: { readonly [W in Way]: readonly Direction[] } = {
  both: ['to-server', 'to-client'],
  out: ['to-server'],
  in: ['to-client'],
};

function cut(
  stage: Stage,
  some: readonly Machine[],
  others: readonly Machine[],
  way: Way,
  release?: () => void,
): Injected | undefined {
  const target =
    way === 'both'
      ? `${namesOf(some)} | ${namesOf(others)}`
      : `${namesOf(some)} ${way === 'out' ? '-x>' : '<x-'} ${namesOf(others)}`;
  return begun(stage, between(some, others, way), { kind: 'cut' }, target, release);
}

/** Undefined where there is no link to do it to; what was held for it is given back (F1). */
function begun(
  { ground }: Stage,
  links: readonly Link[],
  what: Parameters<NonNullable<Stage['ground']['network']>['begin']>[1],
  target: string,
  release: () => void = () => undefined,
): Injected | undefined {
  const fault: LinkFault | undefined =
    links.length === 0 ? undefined : ground.network?.begin(links, what);
  if (fault === undefined) {
    release();
    return undefined;
  }
  return {
    target,
    async undo() {
      fault.heal();
      release();
    },
    befallen: () => fault.befallen(),
  };
}

/** None is of a machine with itself. */
function between(some: readonly Machine[], others: readonly Machine[], way: Way): Link[] {
  const out = some.flatMap((source) =>
    others.filter((target) => target !== source).map((target) => ({ source, target })),
  );
  const back = out.map(({ source, target }) => ({ source: target, target: source }));
  return [...(way === 'in' ? [] : out), ...(way === 'out' ? [] : back)];
}

function machines({ warden }: Stage, role: Role): readonly Machine[] {
  return machinesOf(warden.of(role));
}

function machinesOf(members: readonly Member[]): readonly Machine[] {
  return members.flatMap(({ machine }) => (machine === undefined ? [] : [machine]));
}

function namesOf(list: readonly Machine[]): string {
  return list.map(({ name }) => name).join(' ');
}
