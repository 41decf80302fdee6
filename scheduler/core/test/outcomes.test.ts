/** What a node says that a task came to: it runs user code, so it may say anything. */
import {
  type Block,
  encode,
  encodeHandle,
  encodeValue,
  Handle,
  type Outcome,
  runId,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { flow, loop, pause, ref, value, work } from './runs/flow.ts';
import { type Scene, tenant } from './scene.ts';

const hash = 'ab'.repeat(32);
const ok = { ok: true, value: encodeValue(1) } as const;
const first = 'run:r1:a';

function started(): Scene {
  const scene = flow([work('a'), work('b', { after: ['a'] })], { output: null });
  scene.starts('flow');
  return scene;
}

function says(scene: Scene, task: string, outcome: unknown): void {
  scene.finishes(task, outcome as Outcome);
}

describe('a leader that is told nonsense about a task', () => {
  it.each([
    null,
    5,
    {},
    { ok: true },
    { ok: true, value: 'text' },
    { ok: false },
    { ok: false, failure: null },
    { ok: false, failure: { code: 5, message: null } },
    { ok: false, failure: { code: 'NO_SUCH_CODE', message: 'x' } },
    { ok: false, failure: { code: 'INTERNAL', message: 'x', details: { a: null } } },
    { ...ok, objects: 5 },
    { ...ok, objects: [null] },
    { ...ok, objects: 'ab' },
    { ...ok, objects: [{ object: '*', hash, bytes: 1 }] },
    { ...ok, objects: [{ object: Number.NaN, hash, bytes: 1 }] },
  ])('goes on leading, and the task has failed: %j', (outcome) => {
    const scene = started();
    says(scene, first, outcome);
    expect(scene.view().state).toBe('failed');
    expect(scene.orders('delete-objects')).toEqual([]);
    scene.failOver();
    expect(scene.view().state).toBe('failed');
  });

  it('takes no handle for an output, whatever is in it: objects are named beside a value', () => {
    for (const over of [
      {},
      { path: null },
      { path: 5 },
      { stored: { object: 1, hash, bytes: -1 } },
    ]) {
      const scene = started();
      const number = scene.started(first).at(-1)?.started ?? 0;
      const stored = { object: number, hash, bytes: 5_000_000 };
      says(scene, first, { ok: true, value: encodeHandle(stored), objects: [stored] });
      const forged = Object.assign(new Handle(stored), over);
      says(scene, 'run:r1:b', { ok: true, value: encode({ deep: [forged] }) });
      expect(scene.view().state).toBe('failed');
      expect(JSON.stringify(scene.view())).toContain('it refers to objects of others');
    }
  });

  it('takes a value with the same bytes in a text for what it is', () => {
    const scene = started();
    says(scene, first, { ok: true, value: encodeValue('\u00d4OO\u00c7xO') });
    says(scene, 'run:r1:b', { ok: true, value: encodeValue(new Uint8Array([0xd4, 0x4f, 1])) });
    expect(scene.view().state).toBe('done');
  });
});

describe('a leader that is given values which nobody who is well could make', () => {
  const levels = (count: number) => new Uint8Array(count).fill(0x91, 0, count - 1);
  const named = (...names: readonly string[]) =>
    new Uint8Array([
      0x80 + names.length,
      ...names.flatMap((name) => [0xa0 + name.length, ...Buffer.from(name), 5]),
    ]);
  const uses = (...path: string[]): Block[] => [
    value('of', { it: ref(...path) }),
    value('text', { $text: [ref(...path)] }),
    loop('l', { rounds: { items: ref(...path) } }),
    value('each', ref('item'), { in: 'l' }),
  ];
  const values = [203, 1_500, 2_500, 3_500, 4_500]
    .map(levels)
    .concat([named('constructor', 'toJSON'), named('toJSON'), new Uint8Array([0xc1])]);

  it('goes on leading, whatever a workflow makes of what a task came to', () => {
    for (const bytes of values) {
      const scene = flow([work('a'), ...uses('blocks', 'a')], { onFailure: 'go-on' });
      scene.starts('flow');
      says(scene, first, { ok: true, value: bytes });
      expect(scene.view().state).not.toBe('running');
      scene.failOver();
      expect(scene.view().state).not.toBe('running');
    }
  });

  it('refuses what is nested too deeply as an input or an answer, and nothing has begun', () => {
    const scene = flow([pause('p'), ...uses('blocks', 'p')], { onFailure: 'go-on' });
    scene.starts('flow');
    const facts = scene.facts.length;
    const refused = /^(UNCARRIABLE|INVALID_ARGUMENT)$/;
    for (const bytes of values.slice(0, 5)) {
      const start = { run: runId('r2'), tenant, workflow: 'flow', input: bytes } as const;
      expect(scene.code(scene.asks({ kind: 'start-run', ...start }))).toMatch(refused);
      const answer = { run: runId('r1'), block: 'p', answer: bytes } as const;
      expect(scene.code(scene.asks({ kind: 'resume-run', ...answer }))).toMatch(refused);
    }
    expect(scene.facts.length).toBe(facts);
  });
});
