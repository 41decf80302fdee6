import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFileArgument, loadConfig, sharedConfig } from '@troupe/fabric';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const folder = mkdtempSync(join(tmpdir(), 'troupe-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schema = z.strictObject({
  ...sharedConfig,
  scheduler: z.strictObject({ name: z.string(), leaseMs: z.number().default(3_000) }),
});

function load(text: string) {
  const file = join(folder, 'troupe.yaml');
  writeFileSync(file, text);
  return loadConfig(file, schema);
}

describe('a configuration', () => {
  test('fills in what is not said, and may hold the sections of other processes', () => {
    const config = load('scheduler: { name: s1 }\nnode: { name: n1, anything: 1 }\n');
    expect(config).toMatchObject({
      cell: 'default',
      etcd: ['http://127.0.0.1:2379'],
      nats: { servers: ['nats://127.0.0.1:4222'], requireSync: false },
      replicas: 1,
      logLevel: 'info',
      scheduler: { name: 's1', leaseMs: 3_000 },
    });
  });

  test('is named by `--config`, and by nothing else', () => {
    expect(configFileArgument(['--config', 'a.yaml'])).toBe('a.yaml');
    const wrong = [[], ['--confg', 'a.yaml'], ['a.yaml'], ['--config']];
    for (const args of wrong) {
      expect(() => configFileArgument(args)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringMatching(/^.*; start it with `--config FILE`$/),
        }),
      );
    }
  });

  test('that is no YAML is told by one line with the place', () => {
    expect(() => load('cell: [')).toThrow(/is not YAML \(.* at line 1, column 8\); [^\n]*$/);
  });

  test('is JSON as well', () => {
    expect(load('{"cell": "blue", "scheduler": {"name": "s1"}}').cell).toBe('blue');
  });

  test.each([
    [
      'scheduler: { name: s1, leasMs: 5 }',
      'unknown key "scheduler.leasMs", did you mean "scheduler.leaseMs"?',
    ],
    ['scheduler: { name: s1 }\nreplica: 3', 'unknown key "replica", did you mean "replicas"?'],
    ['scheduler: { name: s1 }\nnats: { server: [] }', 'did you mean "nats.servers"?'],
    ['scheduler: { name: 7 }', 'scheduler.name'],
    ['scheduler: { name: s1 }\ncell: Not A Name', 'cell: must be lower-case'],
    ['scheduler: { name: s1 }\nreplicas: 2', 'replicas'],
    ['scheduler: { name: s1 }\netcd: [nowhere]', 'etcd.0'],
    ['', 'scheduler'],
    ['scheduler: [', 'is not YAML'],
  ])('that says %j is refused with the key that is wrong', (text, words) => {
    expect(() => load(text)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(words) }),
    );
  });

  test('that is not there is refused with its path', () => {
    const missing = join(folder, 'missing.yaml');
    expect(() => loadConfig(missing, schema)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(missing),
      }),
    );
  });
});
