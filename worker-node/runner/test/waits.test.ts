import type { ActorId, Recorded } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, ok, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
export const Agent = actor('Agent', {
  state: () => ({ ids: [] }),
  methods: {
    add(c, id) { c.state.ids.push(id); return c.state.ids.length; },
    async approve(c, id) {
      c.state.ids.push('draft');
      const page = await c.step('fetch', () => 'page');
      const answer = await c.waitFor('approval', { limitMs: 1000 });
      c.state.ids = [...c.state.ids.slice(0, -1), id];
      return { page, answer };
    },
    async either(c) { return c.race([c.waitFor('yes'), c.waitFor('no')]); },
    async gap(c) {
      const yes = c.waitFor('yes');
      yes.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return c.race([yes, c.step('fast', () => 'F')]);
    },
    async orStep(c) {
      return c.race([c.waitFor('yes'), c.step('slow', ({ signal }) => new Promise(() => undefined))]);
    },
    async tells(c) { await c.signalTo('Agent', 'b', 'approval', { by: c.key }); return 'told'; },
    async badName(c) { return c.waitFor('no good name'); },
    async badLimit(c) { return c.waitFor('yes', { limitMs: 0 }); },
  },
  reads: { list(c) { return c.state.ids; }, async waits(c) { return c.waitFor('yes'); } },
});
`;

let runner: RunnerProcess;
let agent: ActorId;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
});
afterAll(() => runner.stop());

let agents = 0;
async function fresh(): Promise<ActorId> {
  agents += 1;
  agent = await runner.activate('Agent', `a${agents}`);
  return agent;
}

describe('a turn that only waits', () => {
  test('is given up, and runs again from its start with its record', async () => {
    await fresh();
    const recorded: Recorded[] = [{ kind: 'step', ordinal: 0, name: 'fetch', outcome: ok('page') }];
    const work = runner.turn(agent, 'approve', ['x'], { recorded });
    expect(await runner.next('wait-begin')).toMatchObject({
      work,
      ordinal: 1,
      name: 'approval',
      limitMs: 1000,
    });
    expect(await runner.next('turn-waits')).toMatchObject({ work, ordinals: [1] });
    const during = await runner.run(agent, 'list', [], { read: true });
    expect(replyOf(during.outcome)).toEqual([]);
    runner.send({ kind: 'waits-seen', actor: agent });
    const wait: Recorded = { kind: 'wait', ordinal: 1, name: 'approval', outcome: ok('yes') };
    const again = await runner.run(agent, 'approve', ['x'], { recorded: [...recorded, wait] });
    expect(replyOf(again.outcome)).toEqual({ page: 'page', answer: 'yes' });
    const after = await runner.run(agent, 'list', [], { read: true });
    expect(replyOf(after.outcome)).toEqual(['x']);
  });

  test('lets no other turn begin before the node knows', async () => {
    await fresh();
    const work = runner.turn(agent, 'either', []);
    await runner.next('wait-begin', (frame) => frame.work === work);
    await runner.next('turn-waits');
    const dropped = runner.turn(agent, 'add', ['too early']);
    const read = await runner.run(agent, 'list', [], { read: true });
    expect(replyOf(read.outcome)).toEqual([]);
    runner.send({ kind: 'waits-seen', actor: agent });
    expect(replyOf((await runner.run(agent, 'add', ['later'])).outcome)).toBe(1);
    await runner.next('wait-begin', (frame) => frame.work === work);
    expect(runner.unread.filter((frame) => 'work' in frame && frame.work === dropped)).toEqual([]);
  });

  test('goes on at once when the node has a signal for it already', async () => {
    await fresh();
    const work = runner.turn(agent, 'approve', ['x']);
    const begin = await runner.next('step-begin');
    runner.send({ kind: 'step-go', work, ordinal: begin.ordinal });
    const { ordinal } = await runner.next('wait-begin');
    runner.send({ kind: 'call-returned', work, ordinal, outcome: ok('now') });
    const frame = await Promise.race([runner.done(work), runner.next('turn-waits')]);
    // Whichever came first: given up, it would be sent again with what it has heard.
    if (frame.kind === 'turn-done') expect(replyOf(frame.outcome)).toMatchObject({ answer: 'now' });
    else runner.send({ kind: 'waits-seen', actor: agent });
    await runner.next('step-done');
  });

  test('waits for either of two signals, and gives up only the two', async () => {
    await fresh();
    const recorded: Recorded[] = [
      { kind: 'wait', ordinal: 0, name: 'yes' },
      { kind: 'wait', ordinal: 1, name: 'no', outcome: ok('no!') },
    ];
    const work = runner.turn(agent, 'either', [], { recorded });
    const { decided } = await runner.next('decided');
    expect(decided).toMatchObject({ kind: 'race', ordinal: 2, lost: [0] });
    expect(replyOf((await runner.done(work)).outcome)).toBe('no!');
    await runner.next('wait-begin', (frame) => frame.work === work);
  });
});

describe('a turn that waits', () => {
  test('for what is recorded to have lost is not given up: nobody would call it back', async () => {
    await fresh();
    const recorded: Recorded[] = [
      { kind: 'wait', ordinal: 0, name: 'yes' },
      { kind: 'step', ordinal: 1, name: 'fast', outcome: ok('F') },
      { kind: 'race', ordinal: 2, name: 'of 2', outcome: ok(1), lost: [0] },
    ];
    const { outcome } = await runner.run(agent, 'gap', [], { recorded });
    expect(replyOf(outcome)).toBe('F');
    expect(runner.unread.some(({ kind }) => kind === 'turn-waits')).toBe(false);
  });

  test('beside a step goes on running', async () => {
    await fresh();
    const work = runner.turn(agent, 'orStep', []);
    const begin = await runner.next('step-begin');
    runner.send({ kind: 'step-go', work, ordinal: begin.ordinal });
    const { ordinal } = await runner.next('wait-begin', (frame) => frame.work === work);
    await runner.run(agent, 'list', [], { read: true });
    runner.send({ kind: 'call-returned', work, ordinal, outcome: ok('yes') });
    expect(replyOf((await runner.done(work)).outcome)).toBe('yes');
    expect(runner.unread.some(({ kind }) => kind === 'turn-waits')).toBe(false);
    await runner.next('decided');
  });

  test('for a signal without a fit name or limit is refused where it says so', async () => {
    await fresh();
    const name = failureText((await runner.run(agent, 'badName')).outcome);
    expect(name).toMatch(/^INVALID_ARGUMENT: "no good name" is no name of a signal/);
    const limit = failureText((await runner.run(agent, 'badLimit')).outcome);
    expect(limit).toMatch(/^INVALID_ARGUMENT: limitMs of c\.waitFor yes is 0/);
    const read = failureText((await runner.run(agent, 'waits', [], { read: true })).outcome);
    expect(read).toMatch(/^WRONG_STATE: .*c\.waitFor is only for methods/);
  });
});

test('a signal to another actor is a call that awaits its receipt', async () => {
  await fresh();
  const work = runner.turn(agent, 'tells', []);
  const out = await runner.next('call-out');
  expect(out).toMatchObject({ type: 'Agent', key: 'b', method: '$signal' });
  runner.send({ kind: 'call-returned', work, ordinal: out.ordinal, outcome: ok(null) });
  expect(replyOf((await runner.done(work)).outcome)).toBe('told');
});
