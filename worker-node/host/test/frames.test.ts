import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, packFrames } from '../src/runners/frames.ts';

interface Numbered {
  readonly n: number;
  readonly body: Uint8Array;
}

test('R1: frames come out in order, however the bytes are cut', () => {
  const batches = fc.array(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }));
  fc.assert(
    fc.property(
      batches,
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
      (sent, cuts) => {
        let n = 0;
        const frames = sent.map((batch) => batch.map((body): Numbered => ({ n: n++, body })));
        const bytes = Buffer.concat(frames.map((batch) => packFrames(batch)));
        const reader = new FrameReader<Numbered>();
        const heard: Numbered[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const cut = cuts[turn % cuts.length] ?? 1;
          heard.push(...reader.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        expect(heard.map((frame) => frame.n)).toEqual(frames.flat().map((frame) => frame.n));
        for (const [i, frame] of frames.flat().entries()) {
          expect(Buffer.compare(heard[i]?.body ?? Buffer.of(), frame.body)).toBe(0);
        }
      },
    ),
    { numRuns: 100, seed: 7 },
  );
});

test('R2: an absurd length is refused instead of waited for', () => {
  const reader = new FrameReader<Numbered>();
  expect(() => reader.push(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]))).toThrow('R2');
});
