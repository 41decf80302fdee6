/** Priority of calls and letters, as users see it. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

let open = (): void => undefined;
let gate = Promise.resolve();

const Desk = actor('Desk', {
  state: () => ({ served: [] as string[] }),
  methods: {
    async hold() {
      await gate;
    },
    serve(c, id: string) {
      c.state.served.push(id);
    },
    *serves(c, id: string) {
      c.state.served.push(id);
      yield id;
    },
  },
  reads: { served: (c) => c.state.served },
});

const Porter = actor('Porter', {
  state: () => ({}),
  methods: {
    async bring(c, id: string) {
      c.send(Desk, 'a', { priority: 'low' }).serve(`${id}.1`);
      c.send(Desk, 'a', { priority: 'high' }).serve(`${id}.2`);
      c.send(Desk, 'a').serve(`${id}.3`);
    },
    async ask(c, id: string) {
      await c.actor(Desk, 'a', { priority: 'high' }).serve(id);
    },
  },
});

let cluster: TestCluster;

beforeEach(async () => {
  gate = new Promise((resolve) => {
    open = resolve;
  });
  cluster = await TestCluster.start({ bundle: { Desk, Porter } });
});

afterEach(async () => {
  await cluster.stop();
});

test('what is urgent goes first, from clients and from actors, and letters keep their order', async () => {
  const troupe = cluster.connect();
  const desk = (priority: 'low' | 'normal' | 'high') => troupe.actor(Desk, 'a', { priority });
  const held = desk('normal').hold();
  const calls = [desk('low').serve('low'), desk('normal').serve('normal')];
  await troupe.actor(Porter, 'p').bring('letter');
  calls.push(troupe.actor(Porter, 'q').ask('asked'));
  await cluster.advance('2s');
  expect(await desk('low').served()).toEqual([]);
  calls.push(desk('high').serve('high'));
  await cluster.advance('1s');
  open();
  await Promise.all([held, ...calls]);
  const served = await desk('normal').served();
  expect(served).toEqual(['letter.1', 'letter.2', 'asked', 'high', 'normal', 'letter.3', 'low']);
});

test('a priority that is none is refused where it is said', () => {
  const troupe = cluster.connect();
  expect(() => troupe.actor(Desk, 'a', { priority: 'urgent' as 'high' })).toThrow(
    'it is low, normal or high',
  );
});

test('what is urgent goes first as a stream too, which refuses what it cannot do', async () => {
  const troupe = cluster.connect();
  const held = troupe.actor(Desk, 'b').hold();
  const calls: Promise<unknown>[] = [troupe.actor(Desk, 'b').serve('call')];
  await cluster.advance('1s');
  calls.push(troupe.actor(Desk, 'b', { priority: 'high' }).stream.serves('stream').reply());
  await cluster.advance('1s');
  open();
  await Promise.all([held, ...calls]);
  expect(await troupe.actor(Desk, 'b').served()).toEqual(['stream', 'call']);
  for (const options of [{ atTurn: 1 }, { waitsMs: 1_000 }]) {
    const refused = () => troupe.actor(Desk, 'b', options).stream.serves('none');
    expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  }
});
