/** What is asked for is done or refused: an option that would be ignored is named. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { corpus, optionsOf } from '../src/index.ts';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const plan = fileURLToPath(
  new URL('../corpus/a-call-that-waited-was-turned-away.json', import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), 'troupe-sim-'));
afterAll(() => rmSync(folder, { recursive: true }));
const noPlan = join(folder, 'plan.json');
writeFileSync(noPlan, '{}');

const run = (options: readonly string[], program: readonly string[] = []) =>
  spawnSync(process.execPath, [...program, main, ...options], { encoding: 'utf8' });

it.each([
  [['--plan', plan, '--operations', '3'], '--operations does nothing beside --plan'],
  [['--plan', plan, '--seed', '3'], '--seed does nothing beside --plan'],
  [['--minimize'], '--minimize needs --seed'],
  [['--seed', '3', '--save', 'x.json'], '--save needs --minimize'],
  [['--without', '3'], '--without needs --seed'],
  [['--seeds', '3', '--quiet'], '--quiet needs --seed or --plan'],
  [['--seed', '3', '--minimize', '--quiet'], '--quiet does nothing beside --minimize'],
  [['--mutants', '--seeds', '3'], '--seeds does nothing beside --mutants'],
  [['--mutants', '--busy'], '--busy does nothing beside --mutants'],
  [['--seeds', '3', '--threads', '0'], '--threads takes a whole number from 1 on, not "0"'],
  [['--seeds', '0'], '--seeds takes a whole number from 1 to 10000000, not "0"'],
  [['--seeds', '5000000000'], '--seeds takes a whole number from 1 to 10000000, not "5'],
  [['--seed', '3', '--nodes', '10001'], '--nodes takes a whole number from 1 to 10000, not "1'],
  [['--seed', '3', '--nodes', '0'], '--nodes takes a whole number from 1 to 10000, not "0"'],
  [['--seed', ''], '--seed takes a whole number, not ""'],
  [['--seed', '1e1'], '--seed takes a whole number, not "1e1"'],
  [['--seed', '3', '--without', '999'], '--without 999: there is no such fault'],
  [['--seed', '3', '--without', '1,naps'], 'not "naps"; there are calls, visits, nests, timers,'],
  [['--foo'], "Unknown option '--foo'"],
  [['--seed'], "Option '--seed <value>' argument missing"],
  [['--seed', '-1'], "Option '--seed' argument is ambiguous"],
  [['stray'], "Unexpected argument 'stray'"],
  [['--plan', noPlan], 'is no plan that can be replayed: it has no "seed" that can be read'],
  [['--plan', join(folder, 'none')], 'is no plan that can be replayed: ENOENT'],
  [['--seed', '3', '--minimize', '--save', join(folder, 'no', 'x')], 'cannot be written: ENOENT'],
  [['--seed', '3', '--minimize', '--save', folder], 'cannot be written: it is a folder'],
])('%j is refused', (options, said) => {
  const { status, stdout } = run(options);
  expect(stdout).toContain(said);
  expect(stdout).not.toContain('    at ');
  expect(status).toBe(2);
});

const dies =
  'import { isMainThread } from "node:worker_threads"; if (!isMainThread) process.exit(0)';

it('deliberate faults that were not tried, since their threads ended, are named', () => {
  const { status, stdout } = run(['--mutants'], ['--import', `data:text/javascript,${dies}`]);
  expect(stdout).toContain('inconclusive: not tried, since their threads ended: released-without');
  expect(status).toBe(3);
});

it('a batch whose threads ended before their seeds were run proves nothing', () => {
  const options = ['--seeds', '3', '--threads', '2', '--mutant', 'steps-not-gated'];
  const { status, stdout } = run(options, ['--import', `data:text/javascript,${dies}`]);
  const all = new Set([...corpus(), 1, 2, 3]).size;
  expect(stdout).toContain(`inconclusive: ${all} of ${all} seeds were not run`);
  expect(stdout).not.toContain('no promise was broken');
  expect(status).toBe(3);
});

it('whoever reads only the first lines of a trace is told of no failure', () => {
  const words = ['-c', '"$0" "$1" --seed 3 | head -n 1', process.execPath, main];
  const { stdout, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
  expect(stdout.split('\n')).toHaveLength(2);
  expect(stderr).toBe('');
});

it('a replay looks with the same checker at the same deliberate fault', () => {
  const wishes = { mutant: 'sent-before-append', checker: 'effect-once' } as const;
  expect(
    optionsOf(6, {
      ...wishes,
      busy: true,
      operations: 3,
      without: [2, 1],
      withoutLoads: ['topics'],
    }),
  ).toBe(
    '--seed 6 --busy --operations 3 --without 1,2,topics --mutant sent-before-append --checker effect-once',
  );
});
