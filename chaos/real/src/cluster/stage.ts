/**
 * The cluster that is put under chaos: etcd, NATS, schedulers and nodes, on machines of their own or
 * on one loopback with a proxy before NATS; a warden; and an operator's client.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sshdOn } from '@troupe/chaos-faults';
import { bundleFile, type Cluster, type ClusterOptions, startCluster } from '@troupe/cli';
import { startEtcdCluster, startNatsCluster } from '@troupe/fabric/servers';
import { processProvider } from '@troupe/providers';
import { connect, type Troupe } from '@troupe/sdk';
import { gpuNode } from '../gpus.ts';
import { contended } from '../workloads/shares.ts';
import { ChildMember } from './child-member.ts';
import { type Disk, mountDisk } from './disk.ts';
import { type Ground, layGround, namesOf } from './ground.ts';
import type { Member } from './member.ts';
import { NatsProxy } from './nats-proxy.ts';
import { Operators } from './operators.ts';
import { PlacedNode } from './placed-node.ts';
import { makeSecondBuild, type SecondBuild } from './second-build.ts';
import { ServerMember } from './server-member.ts';
import type { Setting } from './setting.ts';
import { Warden } from './warden.ts';

const agents = fileURLToPath(new URL('../../src/agents.ts', import.meta.url));
/** What a runner may have is small, so that one that eats memory is soon at its end. */
const runnerMemoryMb = 96;
/** Short, so that drains and stops of all kinds fit between faults. */
const drainMs = 5_000;
const askMs = 5_000;
/** Logs are trimmed within minutes, so that a run sees them stay level. */
const logBytesKeptMax = 4 * 1024 ** 2;
const imageEveryFacts = 5_000;
/** Short: the load makes actors all the time, and those of a node that dies come to memory elsewhere, idle or not. */
const idleMs = 20_000;
const startTriesMax = 3;
const twinMsMax = 20_000;
const gigabyte = 1024 ** 3;

/** What a node of that name offers and keeps to: its section of the configuration. */
function nodeConfigOf(name: string) {
  const { section } = gpuNode(name);
  const resources = { [contended]: 1, ...section.resources };
  const times = { drainMs, idleMs };
  return { ...section, runnerMemory: runnerMemoryMb, ...times, logBytesKeptMax, resources };
}

export interface StageStart {
  readonly setting: Setting;
  readonly dir: string;
  /** Members whose data lies on a disk of its own, which can be filled. */
  readonly disks: readonly string[];
  /** Another build is there beside the installed one. */
  readonly upgrades: boolean;
  readonly alarm: (what: string) => void;
  readonly say: (line: string) => void;
}

export interface Stage {
  readonly setting: Setting;
  readonly ground: Ground;
  readonly warden: Warden;
  readonly cluster: Cluster;
  /** Where all share one loopback, links are hurt in here. */
  readonly proxy: NatsProxy | undefined;
  /** What is deployed. */
  readonly bundle: Uint8Array;
  /** An operator's client: status and drains, and the calls that do harm. */
  readonly operator: Troupe;
  readonly operators: Operators;
  readonly natsServers: readonly ServerMember[];
  /** By the name of the member whose data lies there. */
  readonly disks: ReadonlyMap<string, Disk>;
  readonly dir: string;
  readonly alarm: (what: string) => void;
  readonly say: (line: string) => void;
  /** Brings logs that lie on machines to the folder of logs. */
  bringLogs(): Promise<void>;
  /** Starts a second process of a node's name; answers how to end it, throws when it is refused. */
  twinOf(member: Member): Promise<() => Promise<void>>;
  /** Another build, where one was wanted. */
  readonly secondBuild: SecondBuild | undefined;
  /** Resolves when all processes run and are members; false when that takes longer than `msMax`. */
  whole(msMax: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Where the data of all processes of a run lies. */
export function dataDirOf(dir: string): string {
  return join(dir, 'data');
}

export function logDirOf(dir: string): string {
  return join(dir, 'logs');
}

export async function openStage(start: StageStart): Promise<Stage> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    return { ...(await build(start, closers)), close };
  } catch (reason) {
    await close();
    throw reason;
  }
}

type Closers = (() => Promise<void> | void)[];

async function build(start: StageStart, closers: Closers): Promise<Omit<Stage, 'close'>> {
  const { setting, dir, say, alarm } = start;
  const logDir = logDirOf(dir);
  mkdirSync(logDir, { recursive: true });
  // Before there is load: it takes seconds in which nothing else happens here.
  const folder = join(dataDirOf(dir), 'build');
  const secondBuild = start.upgrades ? makeSecondBuild(folder) : undefined;
  const ground = await layGround(setting, dataDirOf(dir));
  closers.push(() => ground.remove());
  const disks = mountDisks(start, ground, closers);
  const { servers, system } = await startServers(start, ground, closers);
  const given = { servers, system };
  const { cluster, proxy, members } = await startTroupe(start, ground, given, closers);
  say('the cluster is up');
  const warden = new Warden({ members: [...servers, ...members], alarm, say });
  const bringLogs = async () => {
    await Promise.all(members.map((member) => member.bringLog().catch(() => undefined)));
  };
  closers.push(async () => {
    await warden.end();
    await bringLogs();
  });
  const address = cluster.addresses.join(',');
  const operator = await connect({ address, deadlineMs: askMs, connectMs: 60_000 });
  closers.push(() => operator.close());
  const { bytes: bundle } = await bundleFile(agents);
  await operator.deploy(bundle);
  const of = (role: Member['role']) => servers.filter((member) => member.role === role);
  const natsServers = of('nats');
  const operators = new Operators(of('etcd'), natsServers);
  closers.push(() => operators.close());
  const whole = (msMax: number) => isWhole({ warden, operator, setting }, msMax);
  const twinOf = (member: Member) => startTwin(member, { cluster, ground, setting });
  const parts = {
    setting,
    ground,
    warden,
    cluster,
    proxy,
    operator,
    operators,
    disks,
    bundle,
    natsServers,
  };
  return { ...parts, dir, alarm, say, bringLogs, twinOf, secondBuild, whole };
}

function mountDisks({ disks, dir }: StageStart, ground: Ground, closers: Closers) {
  const mounted = new Map<string, Disk>();
  for (const name of disks) {
    const isServer = /^(?:etcd|nats)/.test(name);
    const at = isServer ? join(dataDirOf(dir), name) : ground.folderOf(name);
    const bytes = name.startsWith('nats') ? 3 * gigabyte : gigabyte;
    const disk = mountDisk(join(dir, `${name}.img`), at, bytes);
    mounted.set(name, disk);
    // Before the ground goes: what lies there is used until then.
    closers.unshift(() => disk.close());
  }
  return mounted;
}

async function startServers({ setting, dir, say }: StageStart, ground: Ground, closers: Closers) {
  const { etcds, natsServers } = namesOf(setting);
  const common = { dataDir: dataDirOf(dir), logDir: logDirOf(dir) };
  const [etcd, nats] = await Promise.all([
    startEtcdCluster({ ...common, places: etcds.map(ground.placeOf) }),
    startNatsCluster({ ...common, places: natsServers.map(ground.placeOf) }),
  ]);
  closers.push(async () => {
    for (const server of [...nats, ...etcd]) await server.stop();
  });
  const membersOf = (role: 'etcd' | 'nats', servers: typeof etcd) =>
    servers.map((server) => {
      const { name } = server;
      return new ServerMember({ name, role, machine: ground.machineOf(name) }, server, say);
    });
  const { systemUser, systemPassword } = nats[0] ?? {};
  return {
    servers: [...membersOf('etcd', etcd), ...membersOf('nats', nats)],
    system: { systemUser, systemPassword },
  };
}

async function startTroupe(
  { setting, dir, say }: StageStart,
  ground: Ground,
  { servers, system }: Awaited<ReturnType<typeof startServers>>,
  closers: Closers,
) {
  const { schedulers, nodes } = namesOf(setting);
  const urls = (role: Member['role']) =>
    servers.filter((member) => member.role === role).map(({ server }) => server.url);
  const [etcd, direct] = [urls('etcd'), urls('nats')];
  const proxy = ground.network === undefined ? await NatsProxy.open(direct[0] ?? '') : undefined;
  if (proxy !== undefined) closers.push(() => proxy.close());
  const nats = proxy === undefined ? direct : [proxy.url];
  const logDir = logDirOf(dir);
  const prefixes = schedulers.map((name) => [name, ground.placeOf(name).prefix ?? []] as const);
  const cluster = await startPatiently(say, {
    dataDir: dataDirOf(dir),
    logDir,
    schedulers: schedulers.length,
    nodes: proxy === undefined ? 0 : nodes.length,
    replicas: setting.replicas,
    prefix: Object.fromEntries(prefixes),
    servers: {
      etcd: { url: etcd[0] ?? '', urls: etcd },
      nats: { url: nats[0] ?? '', urls: nats, ...system },
    },
    schedulerConfig: (name) => ({ listen: ground.listenOf(name), imageEveryFacts }),
    nodeConfig: nodeConfigOf,
    env: Object.fromEntries(nodes.map((name) => [name, gpuNode(name).env])),
  });
  closers.push(() => cluster.stop());
  const members: Member[] = schedulers.map((name) => {
    const machine = ground.machineOf(name);
    const placed = machine === undefined ? {} : { machine };
    return new ChildMember({ cluster, role: 'scheduler', name, say, ...placed });
  });
  const placed = nodes.map((name, index) => {
    const machine = ground.machineOf(name);
    if (machine === undefined) return new ChildMember({ cluster, role: 'node', name, say });
    const folder = ground.folderOf(name);
    const bySsh = setting.ssh && index % 2 === 1;
    const { shared } = cluster;
    const { env } = gpuNode(name);
    const node = nodeConfigOf(name);
    const given = { name, machine, folder, logDir, shared, node, env, say };
    return new PlacedNode(bySsh ? { ...given, sshd: sshdOn(machine, `${folder}/sshd`) } : given);
  });
  await Promise.all(placed.map((node) => node.start()));
  return { cluster, proxy, members: [...members, ...placed] };
}

/** Three NATS servers may choose another leader just when they are first asked: then once more. */
async function startPatiently(say: (line: string) => void, options: ClusterOptions) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startCluster(options);
    } catch (reason) {
      if (tries === startTriesMax) throw reason;
      say(`the cluster did not start: ${String(reason).slice(0, 300)}`);
    }
  }
}

/** On another machine, where there is one. */
async function startTwin(
  { name }: Member,
  { cluster, ground, setting }: Pick<Stage, 'cluster' | 'ground' | 'setting'>,
): Promise<() => Promise<void>> {
  const other = namesOf(setting).nodes.find((one) => one !== name) ?? name;
  const machine = ground.machineOf(other);
  if (machine === undefined) {
    const second = await cluster.startNode({ name });
    return async () => {
      second.kill('SIGKILL');
      await second.exited;
    };
  }
  const stateDir = join(ground.folderOf(other), 'twin');
  const provider = processProvider({ stateDir, prefix: machine.prefix });
  const { shared } = cluster;
  const { env } = gpuNode(name);
  await provider.create({ name, shared, node: nodeConfigOf(name), env, readyMsMax: twinMsMax });
  return async () => {
    await provider.destroy(name, { drainMsMax: 0 });
  };
}

async function isWhole(
  { warden, operator, setting }: Pick<Stage, 'warden' | 'operator' | 'setting'>,
  msMax: number,
): Promise<boolean> {
  const end = performance.now() + msMax;
  while (performance.now() < end) {
    const alive = await operator.status().then(
      ({ nodes }) => nodes.filter(({ state }) => state === 'alive').length,
      () => 0,
    );
    if (warden.complete && alive >= setting.nodes) return true;
    await pause(100);
  }
  return false;
}
