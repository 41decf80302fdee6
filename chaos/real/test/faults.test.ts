/** F3: a fault that befell nobody is told as such. */
import { spawnSync } from 'node:child_process';
import { makeNetwork, noNetwork } from '@troupe/chaos-faults';
import { type ErrorCode, TroupeError } from '@troupe/sdk';
import { expect, it, onTestFinished } from 'vitest';
import { elsewhere, faultKinds as ofOperators } from '../../../packages/cli/src/chaos/kinds.ts';
import { isUnderFalseClock } from '../src/cluster/false-clock.ts';
import type { Member } from '../src/cluster/member.ts';
import { NatsProxy } from '../src/cluster/nats-proxy.ts';
import type { Stage } from '../src/cluster/stage.ts';
import { Warden } from '../src/cluster/warden.ts';
import { judge } from '../src/faults/damage.ts';
import { kill, killRunner } from '../src/faults/kills.ts';
import { faultKinds, isFaultKind } from '../src/faults/kinds.ts';
import { cutFromNats, cutHalf, slowLinks } from '../src/faults/links.ts';
import { isRefusal } from '../src/faults/members.ts';
import { harms } from '../src/faults/user-code.ts';
import { Random } from '../src/random.ts';

const error = (code: ErrorCode) => new TroupeError({ code, message: 'as always' });

/** Kept running by others, as nodes on machines are: it runs as far as anybody can say. */
const kept = (pid: number | undefined): Member => ({
  name: 'etcd1',
  role: 'etcd',
  machine: undefined,
  running: true,
  pid: async () => pid,
  end: async () => pid !== undefined,
  start: async () => undefined,
  renew: async () => undefined,
  onExit: () => undefined,
  bringLog: async () => undefined,
  abandon: () => undefined,
});

it.each([
  [7, 1],
  [undefined, 0],
])('a kill of a process with pid %s befell %i', async (pid, count) => {
  const say = () => undefined;
  const warden = new Warden({ members: [kept(pid)], alarm: say, say });
  const injected = await kill('etcd').inject({ warden } as Stage, new Random('7'));
  await injected?.undo();
  expect(injected?.befallen?.()).toBe(count);
  expect(warden.free('etcd')).toHaveLength(1);
});

const nobodyLeads = { status: () => Promise.reject(error('UNAVAILABLE')) };

it.each([
  ['cut', cutFromNats('node')],
  ['slowed', slowLinks],
])('a node without a link to be %s is told as befallen by nothing', async (_what, fault) => {
  const proxy = await NatsProxy.open('nats://127.0.0.1:1');
  onTestFinished(() => proxy.close());
  const say = () => undefined;
  const members: Member[] = [{ ...kept(7), name: 'n1', role: 'node' }];
  const warden = new Warden({ members, alarm: say, say });
  const stage = { warden, proxy, operator: nobodyLeads } as unknown as Stage;
  const injected = await fault.inject(stage, new Random('7'));
  await injected?.undo();
  expect(injected?.befallen?.()).toBe(0);
  expect(warden.free('node')).toHaveLength(1);
});

it.skipIf(noNetwork() !== undefined)('a machine is never cut off from itself', async () => {
  const network = makeNetwork(['both', 'nats']);
  onTestFinished(() => network.remove());
  const [both, nats] = network.machines;
  const say = () => undefined;
  const members: Member[] = [
    { ...kept(7), name: 'n1', role: 'node', machine: both },
    { ...kept(8), name: 'nats1', role: 'nats', machine: both },
  ];
  const stageOf = (all: readonly Member[]) => {
    const warden = new Warden({ members: all, alarm: say, say });
    return { warden, ground: { network }, operator: nobodyLeads } as unknown as Stage;
  };
  const alone = stageOf(members);
  for (const fault of [cutFromNats('node'), cutHalf]) {
    expect(await fault.inject(alone, new Random('7'))).toBeUndefined();
    expect(alone.warden.free('node')).toHaveLength(1);
  }
  const other: Member = { ...kept(9), name: 'nats2', role: 'nats', machine: nats };
  const injected = await cutHalf.inject(stageOf([...members, other]), new Random('7'));
  expect(injected?.target).toMatch(/both .*nats/);
  await injected?.undo();
});

it('a twin is refused by its name; one that did not start at all was none', () => {
  expect(isRefusal(error('NODE_NAME_TAKEN'))).toBe(true);
  expect(isRefusal(error('NODE_FAILED'))).toBe(false);
  expect(isRefusal(new Error('no room'))).toBe(false);
});

it('user code that was to end its runner and lived to answer harmed nobody', () => {
  expect(harms('crash')).toBe(false);
  expect(harms('eat')).toBe(false);
  expect(harms('block')).toBe(true);
  expect(harms('crash', error('RUNNER_CRASHED'))).toBe(true);
  expect(harms('block', error('UNAVAILABLE'))).toBe(false);
});

it('user code of which nobody knows whether it ran harmed nobody that we know of', () => {
  for (const how of ['crash', 'block', 'eat'] as const) {
    expect(harms(how, error('OUTCOME_UNKNOWN'))).toBe(false);
  }
  expect(harms('eat', error('USER_ERROR'))).toBe(false);
});

it('a node that ends just before its runner is to be killed has none, and ends no run', async () => {
  const { pid = 0 } = spawnSync(process.execPath, ['--version']);
  const say = () => undefined;
  const members: Member[] = [{ ...kept(pid), name: 'n1', role: 'node' }];
  const warden = new Warden({ members, alarm: say, say });
  const stage = { warden, operator: nobodyLeads } as unknown as Stage;
  expect(await killRunner.inject(stage, new Random('7'))).toBeUndefined();
  expect(isUnderFalseClock(pid, 'libfaketime')).toBe(false);
});

const sound = { id: 8, bytes: 90, pinned: false, turn: 6, epoch: 4, at: new Date(0), clock: {} };
const failure = { code: 'LOG_CORRUPT', message: 'checkpoint 9 holds other bytes' } as const;
const named = { id: 9, bytes: 90, pinned: false, failure };
const before = ['a', 'b'];

it('a flipped bit befell its actor when it is named and the actor is as it was', () => {
  expect(judge({ last: named, before, after: { ids: before } })).toEqual({ befallen: 1 });
  const late = judge({ last: named, before, after: { ids: [...before, 'b'] } });
  expect(late).toEqual({ befallen: 1 });
});

it('an actor that comes back as another one after a flipped bit is an alarm, whatever is listed', () => {
  for (const last of [named, sound, undefined]) {
    for (const ids of [[], ['a'], ['b', 'a']]) {
      expect(judge({ last, before, after: { ids } }).alarm).toContain('another one');
    }
  }
});

it('a flipped bit that nothing leads back from befell nobody, and one that another checkpoint followed', () => {
  const told = new TroupeError({ code: 'LOG_CORRUPT', message: 'nothing leads there' });
  expect(judge({ last: named, before, after: { reason: told } }).befallen).toBe(0);
  expect(judge({ last: named, before, after: { reason: told } })).not.toHaveProperty('alarm');
  expect(judge({ last: sound, before, after: { ids: before } }).befallen).toBe(0);
  const bare = judge({ last: named, before, after: { reason: new Error('no code') } });
  expect(bare.alarm).toContain('without a code');
});

it('every kind of the suite is one of `troupe chaos`, which says of the others why not', () => {
  const told = [...ofOperators, ...Object.keys(elsewhere)];
  expect(faultKinds.filter((kind) => !told.includes(kind))).toEqual([]);
  expect(Object.keys(elsewhere).filter((kind) => !isFaultKind(kind))).toEqual([]);
});
