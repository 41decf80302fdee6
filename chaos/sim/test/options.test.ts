/** What is asked for is done or refused: an option that would be ignored is named. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const plan = fileURLToPath(
  new URL('../corpus/a-call-that-waited-was-turned-away.json', import.meta.url),
);

it.each([
  [['--plan', plan, '--operations', '3'], '--operations does nothing beside --plan'],
  [['--plan', plan, '--seed', '3'], '--seed does nothing beside --plan'],
  [['--minimize'], '--minimize needs --seed'],
  [['--seed', '3', '--save', 'x.json'], '--save needs --minimize'],
  [['--mutants', '--seeds', '3'], '--seeds does nothing beside --mutants'],
])('%j is refused', (options, said) => {
  const { status, stdout } = spawnSync(process.execPath, [main, ...options], { encoding: 'utf8' });
  expect(stdout).toContain(said);
  expect(status).toBe(2);
});
