import { decodeValue } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, ok, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
export const Trader = actor('Trader', {
  state: () => ({ heard: [] }),
  methods: {
    tell(c, topic, value) { c.publish(topic, value); c.send('Other', 'k').note('a'); },
    fail(c) { c.publish('prices', 1); throw new Error('no'); },
    large(c) { c.publish('prices', 'x'.repeat(70_000)); },
    async follow(c, topic, method, options) { return await c.subscribe(topic, method, options); },
    async leave(c, topic, options) { return await c.unsubscribe(topic, options); },
    async nudge(c, options) { return await c.signalTo('Other', 'k', 'go', 1, options); },
    onPrice(c, price) { c.state.heard.push(price); },
    keep(c) { globalThis.publish = c.publish; },
    late() { globalThis.publish('prices', 1); },
  },
  reads: { tells(c) { c.publish('prices', 1); }, follows(c) { c.subscribe('prices', 'onPrice'); } },
});
export const tell = task('tell', (c, options) => c.publish('prices', 1, options));
`;

let runner: RunnerProcess;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
});
afterAll(() => runner.stop());

describe('c.publish', () => {
  test('leaves with the turn, in the order of what it sends', async () => {
    const actor = await runner.activate('Trader', 'a');
    const { sends } = await runner.run(actor, 'tell', ['prices', { eur: 1 }]);
    expect(sends.map(({ type, key, method }) => [type, key, method])).toEqual([
      ['$topic', 'prices', 'publish'],
      ['Other', 'k', 'note'],
    ]);
    expect(decodeValue(sends[0]?.args ?? new Uint8Array(0))).toEqual([{ eur: 1 }]);
    expect((await runner.run(actor, 'fail')).sends).toEqual([]);
  });

  test('of what a topic does not take fails in the turn', async () => {
    const actor = await runner.activate('Trader', 'b');
    expect(failureText((await runner.run(actor, 'large')).outcome)).toContain('TOO_LARGE');
    const nameless = await runner.run(actor, 'tell', ['', 1]);
    expect(failureText(nameless.outcome)).toContain('INVALID_ARGUMENT');
    const read = await runner.run(actor, 'tells', [], { read: true });
    expect(failureText(read.outcome)).toContain('c.publish is only for methods');
    const follows = await runner.run(actor, 'follows', [], { read: true });
    expect(failureText(follows.outcome)).toContain('c.subscribe is only for methods');
    await runner.run(actor, 'keep');
    expect(failureText((await runner.run(actor, 'late')).outcome)).toContain('had ended');
  });
});

describe('c.subscribe', () => {
  test('is a call that is recorded, and is done when the topic knows', async () => {
    const actor = await runner.activate('Trader', 'c/d');
    const work = runner.turn(actor, 'follow', ['prices', 'onPrice']);
    const asked = await runner.next('call-out', (frame) => frame.work === work);
    expect(asked).toMatchObject({ type: '$topic', key: 'prices', method: 'subscribe' });
    expect(decodeValue(asked.args)).toEqual(['Trader', 'c/d', 'onPrice']);
    runner.send({ kind: 'call-returned', work, ordinal: asked.ordinal, outcome: ok(7) });
    expect(replyOf((await runner.done(work)).outcome)).toBe(7);
    const leave = runner.turn(actor, 'leave', ['prices']);
    const left = await runner.next('call-out', (frame) => frame.work === leave);
    expect(left).toMatchObject({ type: '$topic', key: 'prices', method: 'unsubscribe' });
    runner.send({ kind: 'call-returned', work: leave, ordinal: 0, outcome: ok(true) });
    expect(replyOf((await runner.done(leave)).outcome)).toBe(true);
  });

  test('names a method that the actor has', async () => {
    const actor = await runner.activate('Trader', 'e');
    const { outcome } = await runner.run(actor, 'follow', ['prices', 'onPrize']);
    expect(failureText(outcome)).toContain('has no method onPrize for topic prices');
  });
});

describe('what a turn or a task asks of a topic, or signals to an actor', () => {
  test.each([
    ['follow', ['prices', 'onPrice']],
    ['leave', ['prices']],
    ['nudge', []],
  ])('is as urgent as it says, or refused (%s)', async (method, args) => {
    const actor = await runner.activate('Trader', method);
    const work = runner.turn(actor, method, [...args, { priority: 'high' }]);
    const asked = await runner.next('call-out', (frame) => frame.work === work);
    expect(asked.priority).toBe('high');
    runner.send({ kind: 'call-returned', work, ordinal: asked.ordinal, outcome: ok(true) });
    replyOf((await runner.done(work)).outcome);
    const wrong = await runner.run(actor, method, [...args, { priority: 'first' }]);
    expect(failureText(wrong.outcome)).toContain('INVALID_ARGUMENT');
  });

  test('is as urgent as it says, also from a task', async () => {
    const work = runner.task('tell', { priority: 'high' });
    const asked = await runner.next('call-out', (frame) => frame.work === work);
    expect(asked).toMatchObject({ method: 'publish', priority: 'high' });
    runner.send({ kind: 'call-returned', work, ordinal: asked.ordinal, outcome: ok(1) });
    await runner.next('task-done', (frame) => frame.work === work);
  });
});
