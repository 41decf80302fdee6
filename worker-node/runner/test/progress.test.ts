import type { ActorId } from '@troupe/model';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunnerProcess } from './harness.ts';

const bundle = `
export const Reader = actor('Reader', {
  state: () => ({}),
  methods: { reads(c, text) { c.progress(0.4, text); } },
});
`;

let runner: RunnerProcess;
let reader: ActorId;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
  reader = await runner.activate('Reader', 'r');
});
afterAll(() => runner.stop());

async function told(text: string): Promise<string | undefined> {
  const work = runner.turn(reader, 'reads', [text]);
  const { progress } = await runner.next('progress', (frame) => frame.work === work);
  await runner.next('turn-done', (frame) => frame.work === work);
  return progress.text;
}

test('the text of a progress is shown as it is up to 200 characters, and beyond with a mark that it was longer', async () => {
  const whole = 'p'.repeat(200);
  expect(await told(whole)).toBe(whole);
  expect(await told(`${whole}q`)).toBe(`${'p'.repeat(199)}…`);
  // No half of a character is left before the mark.
  expect(await told(`${'p'.repeat(198)}😀 and more`)).toBe(`${'p'.repeat(198)}…`);
});
