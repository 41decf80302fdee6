import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, decodeValue } from '@troupe/model';
import { type Behaviour, compile, play } from '@troupe/scheduler-core/dag';
import { describe, expect, it } from 'vitest';
import { importSim } from '../src/index.ts';
import { sharedFile } from './case-file.ts';

const folder = sharedFile('templates');
const files = existsSync(folder) ? readdirSync(folder).sort() : [];

/** What the blocks that others ask for something come to. */
const outputs: { readonly [block: string]: unknown } = {
  parseAttendees: { result: { attendees: ['ada@example.com', 'bob@example.com'] }, stdout: '' },
  Agent: { content: 'an answer', row: [['ada@example.com', 'Ada']] },
};
const input = { input: 'a question', emails: ['ada@example.com', 'bob@example.com'] };

describe.skipIf(files.length === 0)(`real workflows of Sim in ${folder}`, () => {
  it.each(files)('%s is imported, compiles and runs with stubs', (file) => {
    const document: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const name = file.replace('.serialized.json', '');
    const { workflow, tasks, refusals } = importSim(document, { name, otherTypes: 'tasks' });
    expect(refusals).toEqual([]);
    if (workflow === undefined) throw new Error('nothing was refused, nothing was made');
    const declared = tasks.map(({ name }) => ({
      name,
      resources: {},
      retries: 0,
      backoffMs: [],
      limitMs: 1_000,
    }));
    const compiled = compile(workflow, { tasks: declared });
    if ('failure' in compiled) throw new Error(compiled.failure.message);
    const ran = new Set<string>();
    const behave: Behaviour = ({ block }) => {
      ran.add(block.id);
      return { value: outputs[block.id] ?? { content: 'an answer' } };
    };
    const { outcome } = play(compiled, input, behave);
    if (!outcome.ok) throw new Error(outcome.failure.message);
    expect(decodeValue(outcome.value)).not.toBeNull();
    const atWork = workflow.blocks.filter(({ kind }: Block) => kind === 'task');
    expect(ran).toEqual(new Set(atWork.map(({ id }) => id)));
  });

  it('all of their own types are refused by name unless they shall be tasks', () => {
    const file = files.find((one) => one.startsWith('brand-mention')) ?? '';
    const document: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const { workflow, refusals } = importSim(document, { name: 'mentions' });
    expect(workflow).toBeUndefined();
    expect(refusals.map(({ place }) => place)).toEqual(['Notion']);
    expect(refusals[0]?.what).toContain('"notion_v2", which is not known; known are agent, api');
  });
});

if (files.length === 0) it.skip(`there are no templates of Sim at ${folder}`, () => undefined);
