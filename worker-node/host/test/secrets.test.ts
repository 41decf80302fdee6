import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeValue, tenantName } from '@troupe/model';
import { afterAll, describe, expect, test } from 'vitest';
import { Secrets } from '../src/runners/secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-secrets-'));
const outside = mkdtempSync(join(tmpdir(), 'troupe-outside-'));
writeFileSync(join(folder, 'key'), 'from-a-file\n');
writeFileSync(join(outside, 'key'), 'not-for-you');
symlinkSync(join(outside, 'key'), join(folder, 'link'));

afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(outside, { recursive: true });
});

function secretsOf(environment: Record<string, string>, named: readonly string[]): Secrets {
  return new Secrets({ environment: named, folders: [folder] }, environment);
}

function resolve(secrets: Secrets, reference: string) {
  const values = encodeValue({ key: reference });
  const tenant = tenantName('default');
  return secrets.resolved({ kind: 'config', tenant, version: 1, values }).secrets?.[reference];
}

describe('a secret', () => {
  test('is a variable that the node names, or a file in a folder that it names', () => {
    const secrets = secretsOf({ KEY: 'from-a-variable' }, ['KEY']);
    expect(resolve(secrets, 'secret:env:KEY')).toEqual({ ok: true, value: 'from-a-variable' });
    const file = resolve(secrets, `secret:file:${join(folder, 'key')}`);
    expect(file).toEqual({ ok: true, value: 'from-a-file' });
  });

  test.each([
    ['a variable that is not named', 'secret:env:HOME'],
    ['a file elsewhere', `secret:file:${join(outside, 'key')}`],
    [
      'a file elsewhere, by a way back',
      `secret:file:${folder}/../${outside.split('/').at(-1)}/key`,
    ],
    ['a file elsewhere, by a link', `secret:file:${join(folder, 'link')}`],
    ['a file that is not there', `secret:file:${join(folder, 'none')}`],
  ])('is not %s', (_what, reference) => {
    const secrets = secretsOf({ KEY: 'x', HOME: '/root' }, ['KEY']);
    expect(resolve(secrets, reference)).toMatchObject({ ok: false });
  });

  test('that was given to a runner does not stand in what that prints', () => {
    const secrets = secretsOf({ KEY: 'long-enough' }, ['KEY']);
    expect(secrets.scrub('has long-enough in it')).toBe('has long-enough in it');
    resolve(secrets, 'secret:env:KEY');
    expect(secrets.scrub('has long-enough in it')).toBe('has secret:env:KEY in it');
  });
});
