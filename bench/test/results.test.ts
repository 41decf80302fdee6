import { expect, test } from 'vitest';
import { withSection } from '../src/results.ts';

test('writing the results of one bench leaves the results of the others alone', () => {
  const first = withSection('', '# Measured', '# Measured\n\nold\n');
  const both = withSection(first, '## Placement', '## Placement\n\nnodes');
  expect(both).toBe('# Measured\n\nold\n\n## Placement\n\nnodes\n');
  const anew = withSection(both, '# Measured', '# Measured\n\nnew');
  expect(anew).toBe('# Measured\n\nnew\n\n## Placement\n\nnodes\n');
});
