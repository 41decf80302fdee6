/** docs/configuration.md says what the process accepts: each key, and each default. */
import { readFileSync } from 'node:fs';
import { configKeys } from '@troupe/fabric';
import { describe, expect, test } from 'vitest';
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

test('two groups of nodes of one name are refused', () => {
  const group = { name: 'plain', max: 4 };
  const autoscale = { groups: [group, { ...group, labels: { gpu: 'yes' } }] };
  expect(() => parsedConfig({ scheduler: { autoscale } })).toThrow('two groups have one name');
});

describe('the watts of nodes', () => {
  const cpuOther = { idle: 15, full: 120, cores: 32 };
  const placement = (power: object) =>
    machineConfig(parsedConfig({ scheduler: { power } })).placement;

  test('reach placement as the file says them', () => {
    const gpus = { a100: { idle: 50, full: 400 } };
    const gpuOther = { idle: 30, full: 150 };
    const cpus = { epyc: { idle: 100, full: 280, cores: 128 } };
    expect(placement({ gpus, gpuOther, cpus, cpuOther })?.power).toEqual({
      gpus,
      gpuOther,
      cpus,
      cpuOther,
    });
    const plain = placement({ cpuOther })?.power;
    expect(plain).toEqual({ gpus: {}, gpuOther: { idle: 0, full: 0 }, cpus: {}, cpuOther });
    expect(machineConfig(parsedConfig({})).placement?.power).toBeUndefined();
  });

  test.each<[string, object, string]>([
    ['less in use than idle', { cpuOther: { ...cpuOther, idle: 130 } }, 'full is below idle'],
    [
      'less in use than idle of a named model',
      { gpus: { a100: { idle: 9, full: 8 } }, gpuOther: { idle: 1, full: 2 }, cpuOther },
      'scheduler.power.gpus.a100',
    ],
    ['a negative number', { cpuOther: { ...cpuOther, idle: -1 } }, 'scheduler.power.cpuOther.idle'],
    ['a socket without cores', { cpuOther: { ...cpuOther, cores: 0 } }, 'cpuOther.cores'],
    ['nothing of cpus', { gpus: {} }, 'scheduler.power.cpuOther'],
    [
      'nothing of the models that are not named',
      { gpus: { a100: { idle: 50, full: 400 } }, cpuOther },
      'scheduler.power.gpuOther',
    ],
    ['a key that there is not', { cpuOther, gpuothers: {} }, 'gpuothers'],
  ])('are refused, and the place is named, with %s', (_, power, named) => {
    expect(() => placement(power)).toThrow(named);
  });
});

function valueAt(config: object, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>(
      (at, step) => Object.entries(at ?? {}).find(([name]) => name === step)?.[1],
      config,
    );
}
