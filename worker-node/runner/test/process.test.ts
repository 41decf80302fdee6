import { afterEach, describe, expect, test } from 'vitest';
import { RunnerProcess, replyOf } from './harness.ts';

const started: RunnerProcess[] = [];
async function start(text: string): Promise<RunnerProcess> {
  const runner = await RunnerProcess.start(text);
  started.push(runner);
  return runner;
}
afterEach(async () => {
  for (const runner of started.splice(0)) await runner.stop();
});

const counter = (name: string, more = '') =>
  `export const ${name} = actor('${name}', { state: () => ({ n: 0 }), methods: { inc(c) { return ++c.state.n; }, ${more} } });\n`;

describe('a runner', () => {
  test('says what its bundle declares', async () => {
    const runner = await start(
      `${counter('Counter')}
       export const plan = task('plan', () => 1, { retries: 1, backoffMs: 5, limitMs: 9, resources: { cpu: 2 } });
       export const crew = workflow('crew', (w) => w.task('p', plan));
       export const unrelated = 5;`,
    );
    const { manifest, bundle } = await runner.next('loaded');
    expect(bundle).toBe('hash');
    expect(manifest).toMatchObject({
      actors: [{ type: 'Counter', methods: ['inc'], reads: [] }],
      tasks: [{ name: 'plan', retries: 1, backoffMs: [5], limitMs: 9, resources: { cpu: 2 } }],
      workflows: [{ name: 'crew', blocks: [{ id: 'p', kind: 'task', task: 'plan' }] }],
    });
  });

  test('says why a bundle does not load, with the line, and exits', async () => {
    const runner = await start(`const port = 5;\nthrow new TypeError('no port ' + port);`);
    const { failure } = await runner.next('load-failed');
    expect(failure.code).toBe('BUNDLE_LOAD_FAILED');
    expect(failure.message).toMatch(/TypeError: no port 5 \(at bundle line 3:7\)/);
    expect(await runner.exited).toBe(0);
  });

  test('refuses a bundle that says one name twice, or nothing at all', async () => {
    const twice = await start(
      `${counter('A')} export const B = actor('A', { state: () => 1, methods: {} });`,
    );
    const { failure } = await twice.next('load-failed');
    expect(failure.message).toBe(
      'two definitions of kind actor are named A; mend the bundle so that it loads, then deploy again',
    );
    const nothing = await start('export const x = 1;');
    expect((await nothing.next('load-failed')).failure.code).toBe('BUNDLE_LOAD_FAILED');
    const syntax = await start('export const = 1;');
    expect((await syntax.next('load-failed')).failure.message).toContain('SyntaxError');
  });

  test('ends with the pipe to its node', async () => {
    const runner = await start(counter('Counter'));
    await runner.next('loaded');
    runner.hangUp();
    expect(await runner.exited).toBe(0);
  });

  test('tells of an error that nobody caught, and ends with code 1', async () => {
    for (const [crash, word] of [
      [
        `crash() { setTimeout(() => { throw new Error('boom'); }); return new Promise(() => {}); }`,
        'uncaught',
      ],
      [`crash() { Promise.reject(new Error('boom')); return new Promise(() => {}); }`, 'unhandled'],
    ] as const) {
      const runner = await start(counter('Counter', crash));
      await runner.next('loaded');
      const actor = await runner.activate('Counter', 'k');
      runner.turn(actor, 'crash', []);
      const log = await runner.next('log');
      expect(log.level).toBe('error');
      expect(log.text).toMatch(new RegExp(`^${word} .*: Error: boom`));
      expect(await runner.exited).toBe(1);
    }
  });

  test('leaves a signal to its group to the node', async () => {
    const runner = await start(counter('Counter'));
    await runner.next('loaded');
    const actor = await runner.activate('Counter', 'k');
    runner.child.kill('SIGINT');
    runner.child.kill('SIGTERM');
    expect(replyOf((await runner.run(actor, 'inc')).outcome)).toBe(1);
  });

  test('takes messages in pieces as well as many in one', async () => {
    const runner = await start(counter('Counter', 'echo(c, text) { return text; }'));
    await runner.next('loaded');
    const actor = await runner.activate('Counter', 'k');
    const text = 'x'.repeat(400_000);
    const works = Array.from({ length: 8 }, (_, n) => runner.turn(actor, 'echo', [`${n}${text}`]));
    for (const [n, work] of works.entries()) {
      const reply = replyOf((await runner.done(work)).outcome);
      expect(reply === `${n}${text}`).toBe(true);
    }
  });

  test('passes on what user code logs, with the turn it was said in', async () => {
    const runner = await start(counter('Counter', `say(c) { c.log('hello'); }`));
    await runner.next('loaded');
    const actor = await runner.activate('Counter', 'k');
    await runner.run(actor, 'say');
    expect(await runner.next('log')).toMatchObject({
      level: 'info',
      text: 'turn Counter/k.say: hello',
    });
  });
});
