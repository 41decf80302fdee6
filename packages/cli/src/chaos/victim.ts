/**
 * Whom a fault can befall: the processes of the local `troupe up`, and nodes that `troupe node add`
 * put on this or another machine.
 *
 * V1  a signal reaches the very process that is recorded as the one meant, or nobody.
 * V2  who loses a server may end by itself, as a node does that finds itself fenced: then it is to be
 *     started again too, since where it is the only one nobody else makes the cluster whole.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { troupeError } from '@troupe/model';
import type { NodeStatus, Provider } from '@troupe/providers';
import { identityOf, isRunning, signalKnown } from '../local/identity.ts';
import { providersOf } from '../local/providers.ts';
import { dropRevival, type RevivalWish, wishRevival } from '../local/revivals.ts';
import { readRecord, type UpRecord } from '../local/state-file.ts';
import { type Frozen, freeze } from './thaw.ts';

export interface Victim {
  readonly kind: 'etcd' | 'nats' | 'scheduler' | 'node';
  readonly name: string;
  /** The machine, as a person would name it. */
  readonly place: string;
  readonly pid: number;
  /** Of a node. */
  readonly incarnation?: string;
  /**
   * Said beforehand: its next end is on purpose, and it is started again after so long. The fault
   * lasts so long, as long as the process is away when absent.
   */
  comeBack(afterMs: number, lastsMs?: number): Promise<void>;
  /** False, or absent: it no longer runs. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean>;
  /** Any signal, with nothing said beforehand: what it ends stays away. */
  send(signal: NodeJS.Signals): Promise<boolean>;
  freeze(msMax: number): Promise<Frozen | undefined>;
  /** The pid of the runner that was killed; absent when it has none. */
  crashRunner(draw: number): Promise<number | undefined>;
}

/** How long a wish outlives the fault: a node that finds itself fenced ends a little later. */
const wishMs = 30_000;

export async function victimsOf(dataDir: string): Promise<readonly Victim[]> {
  const own = (readRecord(dataDir)?.processes ?? [])
    .filter(isRunning)
    .map((one) => ownVictim(dataDir, one));
  const { process, ssh } = providersOf(dataDir);
  const placed = await Promise.all(
    [process, ssh].map(async (provider) =>
      (await provider.list()).flatMap((status) => placedVictim(provider, status)),
    ),
  );
  return [...own, ...placed.flat()];
}

/** The node of that name; an error that names those there are. */
export function nodeNamed(victims: readonly Victim[], name: string): Victim {
  return victimNamed(
    victims.filter(({ kind }) => kind === 'node'),
    name,
    'node',
  );
}

export function victimNamed(victims: readonly Victim[], name: string, noun: string): Victim {
  const found = victims.find((one) => one.name === name);
  if (found !== undefined) return found;
  const there = victims.map((one) => one.name).join(', ') || 'none';
  const what = `no ${noun} ${name} of this cell runs that can be reached from here; there are: ${there}`;
  throw troupeError('UNKNOWN_NODE', what, { node: name });
}

/** As people are told of it. */
export function titleOf({ kind, name, pid, incarnation, place }: Victim): string {
  const what = kind === name ? name : `${kind} ${name}`;
  const where = place === here ? '' : ` on ${place}`;
  return `${what} (pid ${pid}${incarnation === undefined ? '' : `, ${incarnation}`})${where}`;
}

const here = 'this machine';

function ownVictim(dataDir: string, one: UpRecord['processes'][number]): Victim {
  const { kind, name, pid, incarnation } = one;
  const revivable = kind === 'node' || kind === 'scheduler';
  return {
    kind,
    name,
    pid,
    place: here,
    ...(incarnation === undefined ? {} : { incarnation }),
    async comeBack(afterMs, lastsMs = afterMs) {
      const untilMs = Date.now() + lastsMs + wishMs;
      if (revivable) wishRevival(dataDir, name, { afterMs, untilMs });
      // V2: a server itself is always started again.
      else wishRevivals(dataDir, { afterMs: 0, untilMs });
    },
    end: async (signal) => {
      const reached = signalKnown(one, signal);
      if (!reached) dropRevival(dataDir, name);
      return reached;
    },
    async send(signal) {
      dropRevival(dataDir, name);
      return signalKnown(one, signal);
    },
    freeze: (msMax) => freeze(one, msMax),
    async crashRunner(draw) {
      const runners = childrenOf(pid);
      const runner = runners[draw % Math.max(1, runners.length)];
      return runner !== undefined && isRunning(one) && signalKnown(runner, 'SIGKILL')
        ? runner.pid
        : undefined;
    },
  };
}

/** Of all that `troupe up` started and would leave away; providers see to theirs. */
function wishRevivals(dataDir: string, wished: RevivalWish): void {
  for (const { kind, name } of readRecord(dataDir)?.processes ?? []) {
    if (kind === 'node' || kind === 'scheduler') wishRevival(dataDir, name, wished);
  }
}

function placedVictim(provider: Pick<Provider, 'signal'>, status: NodeStatus): readonly Victim[] {
  const { name, place, state } = status;
  if (state.kind !== 'running') return [];
  return [
    {
      kind: 'node',
      name,
      place,
      pid: state.pid,
      ...(state.incarnation === undefined ? {} : { incarnation: state.incarnation }),
      async comeBack(afterMs) {
        await provider.signal(name, { signal: 'SIGCONT', againAfterMs: afterMs });
      },
      end: async (signal) => (await provider.signal(name, { signal })) !== undefined,
      send: async (signal) => (await provider.signal(name, { signal })) !== undefined,
      async freeze(msMax) {
        const done = await provider.signal(name, { signal: 'SIGSTOP', thawAfterMs: msMax });
        if (done === undefined) return undefined;
        return { thaw: async () => void (await provider.signal(name, { signal: 'SIGCONT' })) };
      },
      crashRunner: async (draw) =>
        (await provider.signal(name, { to: 'runner', signal: 'SIGKILL', which: draw }))?.pid,
    },
  ];
}

/** The processes that this one started, which for a node are its runners. */
function childrenOf(parent: number) {
  return parents().flatMap(([pid, its]) => {
    const identity = its === parent ? identityOf(pid) : undefined;
    return identity === undefined ? [] : [{ pid, identity }];
  });
}

function parents(): readonly (readonly [pid: number, parent: number])[] {
  if (process.platform !== 'linux') {
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    return table.split('\n').map((line) => {
      const [pid, parent] = line.trim().split(/\s+/);
      return [Number(pid), Number(parent)];
    });
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(name)]);
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // It has ended.
    return 0;
  }
}
