/** What a node says that a task came to: it runs user code, so it may say anything. */
import { encode, encodeHandle, encodeValue, Handle, type Outcome } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { flow, work } from './runs/flow.ts';
import type { Scene } from './scene.ts';

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
