import {
  assert,
  type ErrorCode,
  errorTable,
  failure,
  failureOf,
  InvariantBroken,
  isErrorCode,
  TroupeError,
  troupeError,
  unreachable,
} from '@troupe/model';
import { describe, expect, test, vi } from 'vitest';

const rows = Object.entries(errorTable);

describe('the table of errors', () => {
  test('gives every code a gRPC status, a next move and what is known of the request', () => {
    for (const [code, row] of rows) {
      expect(code).toMatch(/^[A-Z][A-Z_]+$/);
      expect(isErrorCode(code)).toBe(true);
      expect(row.status, code).toBeGreaterThanOrEqual(1);
      expect(row.status, code).toBeLessThanOrEqual(16);
      expect(row.next.length, code).toBeGreaterThan(5);
    }
    expect(isErrorCode('toString')).toBe(false);
    expect(isErrorCode('NO_SUCH_CODE')).toBe(false);
  });

  test('lets nobody retry what may have taken effect or has', () => {
    for (const [code, row] of rows) {
      if (row.retryable) expect(row.outcome, code).toBe('none');
    }
  });
});

describe('an error', () => {
  test('says what happened and what to do next', () => {
    const reason = failure('UNKNOWN_RUN', 'run "r1" does not exist');
    expect(reason.message).toBe(`run "r1" does not exist; ${errorTable.UNKNOWN_RUN.next}`);
    expect(reason).not.toHaveProperty('details');
  });

  test('keeps its code, its fields and its cause on the way to the caller and back', () => {
    const cause = new Error('socket closed');
    const error = troupeError('UNAVAILABLE', 'node n1 is away', { node: 'n1' }, cause);
    expect(error.retryable).toBe(true);
    expect(error.cause).toBe(cause);
    const back = new TroupeError(error.toFailure());
    expect(back).toMatchObject({
      code: error.code,
      message: error.message,
      details: { node: 'n1' },
    });
    expect(failureOf(error)).toEqual(error.toFailure());
  });

  test('of another copy of this package is known as one, as bundles carry their own', async () => {
    vi.resetModules();
    const copy = await import('@troupe/model');
    expect(copy.TroupeError).not.toBe(TroupeError);
    const theirs = copy.troupeError('RESOURCE_EXHAUSTED', 'full', { left: 0 });
    expect(theirs).toBeInstanceOf(TroupeError);
    expect(failureOf(theirs)).toEqual(theirs.toFailure());
    expect(new Error('full')).not.toBeInstanceOf(TroupeError);
  });

  test('of a subclass is told from others', () => {
    class Mine extends TroupeError {}
    const reason = failure('USER_ERROR', 'it went wrong');
    expect(new Mine(reason)).toBeInstanceOf(Mine);
    expect(new Mine(reason)).toBeInstanceOf(TroupeError);
    expect(new TroupeError(reason)).not.toBeInstanceOf(Mine);
  });

  test('that is not ours becomes one of ours, with its own words', () => {
    expect(failureOf(new TypeError('x is not a function'))).toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('TypeError: x is not a function'),
    });
    expect(failureOf('thrown text', 'USER_ERROR')).toMatchObject({
      code: 'USER_ERROR' satisfies ErrorCode,
      message: expect.stringContaining('thrown text'),
    });
  });
});

describe('an invariant', () => {
  test('that holds says nothing, and one that is broken names itself', () => {
    assert(true, 'Q1: time never goes back');
    expect(() => assert(false, 'Q1: time never goes back')).toThrow(InvariantBroken);
    expect(() => assert(false, 'Q1: time never goes back')).toThrow(/Q1/);
    expect(() => unreachable('x' as never)).toThrow(/unreachable/);
  });
});
