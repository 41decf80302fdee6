import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropRevival, takeRevival, wishRevival } from '../src/local/revivals.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-revivals-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the wish that a process come back', () => {
  it('W1: holds for one end', () => {
    const wish = { afterMs: 5, untilMs: Date.now() + 60_000 };
    wishRevival(folder, 'n1', wish);
    expect(takeRevival(folder, 'n2')).toBeUndefined();
    expect(takeRevival(folder, 'n1')).toEqual(wish);
    expect(takeRevival(folder, 'n1')).toBeUndefined();
  });

  it('W1: holds no more after its time, or when it was taken back', () => {
    wishRevival(folder, 'n1', { afterMs: 5, untilMs: Date.now() - 1 });
    expect(takeRevival(folder, 'n1')).toBeUndefined();
    wishRevival(folder, 'n1', { afterMs: 5, untilMs: Date.now() + 60_000 });
    dropRevival(folder, 'n1');
    expect(takeRevival(folder, 'n1')).toBeUndefined();
  });
});
