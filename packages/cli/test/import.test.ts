import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { definitionsOf } from '@troupe/sdk/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleFile } from '../src/bundle/bundle.ts';
import { troupe } from './run-command.ts';

const root = resolve(import.meta.dirname, '../../..');
let folder = '';
beforeAll(() => {
  mkdirSync(join(root, '.troupe'), { recursive: true });
  // In the repository, so that what the module imports is found.
  folder = mkdtempSync(join(root, '.troupe', 'import-'));
  writeFileSync(join(folder, 'triage.serialized.json'), JSON.stringify(triage));
});
afterAll(() => rmSync(folder, { recursive: true }));

const block = (id: string, type: string, given: object = {}) => {
  return {
    id,
    enabled: true,
    config: { tool: type, params: {} },
    metadata: { id: type, name: id },
    ...given,
  };
};
const conditions = [
  { id: 'yes', title: 'if', value: "<read.data.kind> === 'bug'" },
  { id: 'no', title: 'else', value: '' },
];
const triage = {
  blocks: [
    block('start', 'start_trigger'),
    block('read', 'api', { config: { tool: 'api', params: { url: 'http://<start.host>/' } } }),
    block('gate', 'condition', { config: { tool: 'condition', params: { conditions } } }),
    block('file it', 'linear', { retry: { enabled: true, maxTries: 2, waitBetweenTriesMs: 5 } }),
    block('thanks', 'function', {
      config: { tool: 'function', params: { code: "return 'it\\'s \"fine\"'" } },
    }),
    block('memo', 'note'),
  ],
  connections: [
    { source: 'start', target: 'read' },
    { source: 'read', target: 'gate' },
    { source: 'gate', target: 'file it', sourceHandle: 'condition-yes' },
    { source: 'gate', target: 'thanks', sourceHandle: 'condition-no' },
  ],
  loops: {},
};

describe('troupe import sim', () => {
  it('shows what each block becomes, and writes nothing without --out', async () => {
    const ran = await troupe(['import', 'sim', 'triage.serialized.json'], { cwd: folder });
    expect(ran.code).toBe(0);
    expect(ran.stdout.split('\n').slice(1, 7)).toEqual([
      'start    start_trigger  value',
      'read     api            task api',
      'gate     condition      choice',
      'file-it  linear         task linear.file-it, to be written',
      'thanks   function       task function',
      'memo     note           -',
    ]);
    expect(ran.stdout).toContain('to be written by you: linear');
    expect(ran.stdout).toContain('write it with --out');
  });

  it('writes a module that is bundled and declares all that the workflow runs', async () => {
    const args = ['import', 'sim', 'triage.serialized.json', '--out', 'triage.ts', '--json'];
    const ran = await troupe(args, { cwd: folder });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      workflow: 'triage',
      out: 'triage.ts',
      unwritten: ['linear'],
    });
    expect(readFileSync(join(folder, 'triage.ts'), 'utf8')).toContain('read_data_kind == "bug"');
    const { bytes } = await bundleFile(join(folder, 'triage.ts'));
    const file = join(folder, 'triage.mjs');
    writeFileSync(file, bytes);
    const { manifest } = definitionsOf(await import(pathToFileURL(file).href));
    expect(manifest.workflows.map(({ name }) => name)).toEqual(['triage']);
    expect(manifest.tasks.map(({ name, retries }) => [name, retries]).sort()).toEqual([
      ['api', 0],
      ['function', 0],
      ['linear', 0],
      ['linear.file-it', 1],
    ]);
    const code = manifest.workflows[0]?.blocks.find(({ id }) => id === 'thanks');
    expect(JSON.stringify(code)).toContain(JSON.stringify("return 'it\\'s \"fine\"'"));
    const again = await troupe(args, { cwd: folder });
    expect(again.stderr).toContain('ALREADY_EXISTS: triage.ts is there already');
    expect((await troupe([...args, '--force'], { cwd: folder })).code).toBe(0);
  });

  it('takes types of a user, and refuses what is not known when asked to', async () => {
    const strict = ['import', 'sim', 'triage.serialized.json', '--strict'];
    const refused = await troupe(strict, { cwd: folder });
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('file-it  linear         refused');
    expect(refused.stderr).toContain('WORKFLOW_INVALID');
    expect(refused.stderr).toContain('block "file-it": it is of the type "linear"');
    writeFileSync(join(folder, 'types.json'), '{"linear": {"kind": "task", "task": "add-issue"}}');
    const taken = await troupe([...strict, '--types', 'types.json'], { cwd: folder });
    expect(taken.stdout).toContain('task add-issue.file-it');
    writeFileSync(join(folder, 'types.json'), '{"linear": {"kind": "magic"}}');
    const wrong = await troupe([...strict, '--types', 'types.json'], { cwd: folder });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('linear.kind');
  });

  it('says what is wrong with a file', async () => {
    writeFileSync(join(folder, 'half.json'), '{"blocks": [');
    const cases: readonly [string[], string, number][] = [
      [['nowhere.json'], 'nowhere.json is no file', 2],
      [['half.json'], 'half.json is no JSON', 2],
      [['types.json'], 'WORKFLOW_INVALID: the file is no workflow of Sim: blocks:', 1],
      [['triage.serialized.json', '--env', 'KEY'], '--env "KEY" is not name=value', 2],
      [['triage.serialized.json', '--trigger', 'x'], 'the trigger "x" is not there', 1],
    ];
    for (const [args, says, code] of cases) {
      const ran = await troupe(['import', 'sim', ...args], { cwd: folder });
      expect(ran.stderr).toContain(says);
      expect([args, ran.code]).toEqual([args, code]);
    }
  });
});
