/** docs/configuration.md says what the process accepts: each key, and each default. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configKeys } from '@troupe/fabric';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig, schema } from '../src/config.ts';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `([\w.]+)` \| (.+?) \| .+ \|$/gm)]
  .map(([, key = '', said = '']) => ({ key, said }))
  .filter(({ key }) => !key.startsWith('scheduler.'));

test('the page names every key, and no other', () => {
  const known = configKeys(schema).filter((key) => key !== 'scheduler');
  expect(rows.map(({ key }) => key)).toEqual(known);
});

test('the page says the defaults that count', () => {
  const config = emptyConfig();
  for (const { key, said } of rows) {
    const value = valueAt(config, key);
    if (said.startsWith('`')) expect({ [key]: value }).toEqual({ [key]: parse(said.slice(1, -1)) });
    if (said === 'none') expect({ [key]: value }).toEqual({ [key]: undefined });
  }
});

function valueAt(config: object, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>(
      (at, step) => Object.entries(at ?? {}).find(([name]) => name === step)?.[1],
      config,
    );
}

function emptyConfig(): object {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-config-'));
  const file = join(folder, 'node.yaml');
  writeFileSync(file, '');
  try {
    return readConfig(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
