/** docs/configuration.md says what the process accepts: each key, and each default. */
import { readFileSync } from 'node:fs';
import { configKeys } from '@troupe/fabric';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parsedConfig, schema } from '../src/config.ts';
import { machineConfig } from '../src/machine-config.ts';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `([\w.]+)` \| (.+?) \| .+ \|$/gm)]
  .map(([, key = '', said = '']) => ({ key, said }))
  .filter(({ key }) => !key.startsWith('node.'));

test('the page names every key, and no other', () => {
  const known = configKeys(schema).filter((key) => key !== 'node');
  expect(rows.map(({ key }) => key)).toEqual(known);
});

test('the page says the defaults that count', () => {
  const config = parsedConfig({});
  for (const { key, said } of rows) {
    const value = valueAt(config, key);
    if (said.startsWith('`')) expect({ [key]: value }).toEqual({ [key]: parse(said.slice(1, -1)) });
    if (said === 'none') expect({ [key]: value }).toEqual({ [key]: undefined });
  }
});

test('the demand coefficient is off until the file switches it on', () => {
  const isOn = (scheduler: object) => machineConfig(parsedConfig({ scheduler })).demandCoefficient;
  expect([isOn({}), isOn({ demandCoefficient: true })]).toEqual([false, true]);
});

function valueAt(config: object, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>(
      (at, step) => Object.entries(at ?? {}).find(([name]) => name === step)?.[1],
      config,
    );
}
