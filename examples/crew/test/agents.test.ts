import { expect, test } from 'vitest';
import { crew } from '../src/agents.ts';

test('nothing is answered before all is read, and nothing published before it is approved', () => {
  const after = Object.fromEntries(crew.workflow.blocks.map((block) => [block.id, block.after]));
  expect(Object.keys(after)).toEqual(['plan', 'read', 'answer', 'approve', 'publish']);
  expect(after['read']).toEqual(['plan']);
  expect(after['answer']).toEqual(['read']);
  expect(after['approve']).toEqual(['answer']);
  expect(after['publish']).toEqual(expect.arrayContaining(['answer', 'approve']));
});

test('documents travel by path: no block passes the text of one', () => {
  const read = crew.workflow.blocks.find(({ id }) => id === 'read');
  expect(read).toMatchObject({
    kind: 'task',
    task: 'read',
    input: {
      folder: { $ref: ['input', 'folder'] },
      team: { $ref: ['input', 'team'] },
      path: { $ref: ['item', 'path'] },
    },
  });
});
