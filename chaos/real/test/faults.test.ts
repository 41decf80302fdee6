/** F3: a fault that befell nobody is told as such. */
import { TroupeError } from '@troupe/sdk';
import { expect, it } from 'vitest';
import { elsewhere, faultKinds as ofOperators } from '../../../packages/cli/src/chaos/kinds.ts';
import type { Member } from '../src/cluster/member.ts';
import type { Stage } from '../src/cluster/stage.ts';
import { Warden } from '../src/cluster/warden.ts';
import { kill } from '../src/faults/kills.ts';
import { faultKinds, isFaultKind } from '../src/faults/kinds.ts';
import { isRefusal } from '../src/faults/members.ts';
import { harms } from '../src/faults/user-code.ts';
import { Random } from '../src/random.ts';

const error = (code: 'NODE_NAME_TAKEN' | 'NODE_FAILED' | 'RUNNER_CRASHED' | 'UNAVAILABLE') =>
  new TroupeError({ code, message: 'as always' });

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

it('every kind of the suite is one of `troupe chaos`, which says of the others why not', () => {
  const told = [...ofOperators, ...Object.keys(elsewhere)];
  expect(faultKinds.filter((kind) => !told.includes(kind))).toEqual([]);
  expect(Object.keys(elsewhere).filter((kind) => !isFaultKind(kind))).toEqual([]);
});
