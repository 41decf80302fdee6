import type { ActorId } from '@troupe/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureText, RunnerProcess } from './harness.ts';

/** What user code writes, and what it is told. */
const wrong: readonly (readonly [string, string])[] = [
  ['c.step("pay", f, { retries: NaN })', 'retries of step pay is NaN'],
  ['c.step("pay", f, { retries: "many" })', 'retries of step pay is "many"'],
  ['c.step("pay", f, { retries: -1 })', 'retries of step pay is -1'],
  ['c.step("pay", f, { retries: null })', 'retries of step pay is null'],
  ['c.step("pay", f, { retries: 1.5 })', 'retries of step pay is 1.5'],
  ['c.step("pay", f, { backoffMs: [] })', 'backoffMs of step pay is an empty list'],
  ['c.step("pay", f, { backoffMs: [5, NaN] })', 'backoffMs of step pay is [5, NaN]'],
  ['c.step("pay", f, { backoffMs: -5 })', 'backoffMs of step pay is -5'],
  ['c.step("pay", f, { backoffMs: "1s" })', 'backoffMs of step pay is "1s"'],
  ['c.step("pay", f, { limitMs: 0 })', 'limitMs of step pay is 0'],
  ['c.step("pay", f, { limitMs: -1 })', 'limitMs of step pay is -1'],
  ['c.step("pay", f, { limitMs: Infinity })', 'limitMs of step pay is Infinity'],
  ['c.step("pay", f, { beatMs: "often" })', 'beatMs of step pay is "often"'],
  ['c.step("pay", f, 3)', 'the options of step pay are 3, no object'],
  ['c.step("pay", f, null)', 'the options of step pay are null, no object'],
  [
    'c.step("pay", f, { compensate: { run: f, retries: "ever" } })',
    'retries of the compensation of pay is "ever"',
  ],
  ['c.step("pay", f, { compensate: null })', 'the compensation of pay is not a function'],
  ['c.compensate("mail", f, { limitMs: -2 })', 'limitMs of the compensation mail is -2'],
  ['c.waitFor("answer", { limitMs: NaN })', 'limitMs of c.waitFor answer is NaN'],
  ['c.waitFor("answer", 500)', 'the options of c.waitFor answer are 500, no object'],
  ['c.all("ab")', 'c.all takes a list, not ab'],
  ['c.all()', 'c.all takes a list, not undefined'],
  ['c.race({})', 'c.race takes a list, not [object Object]'],
  ['c.race([1])', 'number 0 of its list is something else'],
  ['c.timers.set("t", undefined)', 'the options of timer "t" are undefined, no object'],
  ['c.timers.set("t", { method: "does", afterMs: NaN })', 'afterMs is NaN'],
  ['c.timers.set("t", { method: "does", everyMs: "5" })', 'everyMs is 5'],
  ['c.timers.set("t", { method: "does", at: "soon" })', 'at is NaN'],
  ['c.timers.set("t", { method: "does" })', 'timer "t" needs afterMs'],
  ['c.send("A", "k", { delayMs: NaN }).m()', 'delayMs is NaN'],
  ['c.send("A", "k", { delayMs: -1 }).m()', 'delayMs is -1'],
  ['c.send("A", "k", { delayMs: "5" }).m()', 'delayMs is 5'],
  ['c.send("A", "k", { retries: NaN }).m()', 'retries of a letter of default/A/a is NaN'],
  ['c.send("A", "k", { retries: "many" }).m()', 'retries of a letter of default/A/a is many'],
  ['c.send("A", "k", { retries: null }).m()', 'retries of a letter of default/A/a is null'],
  ['c.send("A", "k", { backoffMs: [] }).m()', 'backoffMs of a letter of default/A/a is empty'],
  ['c.send("A", "k", { backoffMs: {} }).m()', 'backoffMs of a letter of default/A/a is'],
  ['c.send("A", "k", { priority: 3 }).m()', 'priority of a letter of default/A/a is 3'],
  ['c.send("A", "k", null).m()', 'the options of a letter of default/A/a are null, no object'],
  ['c.actor("A", "k", { deadlineMs: "1" }).m()', 'deadlineMs is 1'],
  ['c.actor("A", "k", null).m()', 'the options of calls of A/k are null, no object'],
  ['c.signalTo("A", "k", "s", 1, 5)', 'the options of c.signalTo s are 5, no object'],
];

const f = '() => undefined';
const methods = wrong.map(([code], at) => `async m${at}(c) { const f = ${f}; return ${code}; }`);
const bundle = `
export const A = actor('A', { state: () => ({}), methods: { does() {}, ${methods.join(', ')} } });
`;

let runner: RunnerProcess;
let actor: ActorId;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
  actor = await runner.activate('A', 'a');
});
afterAll(() => runner.stop());

test.each(wrong.map(([code, told], at) => [code, told, at] as const))(
  '%s is refused: %s',
  async (_code, told, at) => {
    const work = runner.turn(actor, `m${at}`, []);
    const done = await runner.next('turn-done', (frame) => frame.work === work);
    expect(failureText(done.outcome)).toContain(`INVALID_ARGUMENT: `);
    expect(failureText(done.outcome)).toContain(told);
    // It has asked for nothing: no step has begun, and nothing was sent.
    expect(runner.unread.filter(({ kind }) => kind === 'step-begin')).toEqual([]);
    expect(done.sends).toEqual([]);
  },
);
