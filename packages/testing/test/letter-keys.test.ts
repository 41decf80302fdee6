/** Letters with an idempotency key, as users see them. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Reports = actor('Reports', {
  state: () => ({ sent: [] as string[] }),
  methods: {
    send(c, who: string) {
      c.state.sent.push(who);
    },
  },
  reads: { sent: (c) => [...c.state.sent] },
});

const Desk = actor('Desk', {
  state: () => ({ days: 0 }),
  methods: {
    close(c, idempotencyKey: string, delayMs: number) {
      c.state.days += 1;
      c.send(Reports, 'all', { idempotencyKey, delayMs }).send(c.key);
    },
  },
  reads: { days: (c) => c.state.days },
});

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Reports, Desk } });
});

afterEach(async () => {
  await cluster.stop();
});

test('a letter that several desks send under one key takes effect once, also when its receiver is read back between', async () => {
  const troupe = cluster.connect();
  const sent = () => troupe.actor(Reports, 'all').sent();
  await troupe.actor(Desk, 'north').close('report-2026-11-30', 0);
  await cluster.advance('1s');
  await cluster.crash(await cluster.whereIs(Reports, 'all'));
  await troupe.actor(Desk, 'south').close('report-2026-11-30', 0);
  await troupe.actor(Desk, 'south').close('report-2026-11-30', 60_000);
  await cluster.advance('2m');
  expect(await sent()).toEqual(['north']);
  await troupe.actor(Desk, 'south').close('report-2026-12-01', 0);
  await cluster.advance('1s');
  expect(await sent()).toEqual(['north', 'south']);
});

test('a key that is none is refused where it is given, and the turn changes nothing', async () => {
  const desk = cluster.connect().actor(Desk, 'north');
  await expect(desk.close('', 0)).rejects.toThrow('1 to 128 characters');
  expect(await desk.days()).toBe(0);
});
