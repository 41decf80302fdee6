import { expect, test } from 'vitest';
import { crewLimits } from '../src/contract.ts';
import { type JobOptions, parseOptions } from '../src/job/options.ts';
import { folderOf } from './folders.ts';

function parse(args: readonly string[], folder: string): JobOptions {
  const options = parseOptions(args, folder);
  if (options === 'help') throw new Error('did not ask for help');
  return options;
}

test('without arguments the default folder is read with questions of its own', async () => {
  await using folder = folderOf({ 'a.md': 'a' });
  const options = parse([], folder.path);
  expect(options).toMatchObject({ folder: folder.path, nodes: 3, kill: true, yes: false });
  expect(options.questions.length).toBeGreaterThan(0);
});

test('questions are taken in the order given', async () => {
  await using folder = folderOf({ 'a.md': 'a' });
  const { questions } = parse(['--ask', 'one?', folder.path, '--ask', 'two?'], '/');
  expect(questions).toEqual([
    { number: 1, text: 'one?' },
    { number: 2, text: 'two?' },
  ]);
});

test('what cannot be is refused in a sentence that names it', async () => {
  await using folder = folderOf({ 'a.md': 'a' });
  const refused = (...args: string[]) => expect(() => parseOptions(args, folder.path));
  refused('/no/such/folder').toThrow('/no/such/folder is no folder');
  refused('--nodes', 'many').toThrow('--nodes is many; give a number from 1 to 9');
  refused('--port', '70000').toThrow('--port is 70000');
  refused('--asq', 'x').toThrow("Unknown option '--asq'");
  refused('a', 'b').toThrow('one folder can be read, not 2');
  refused('--ask', ' ').toThrow('question 1 has 1 characters');
  const many = Array.from({ length: crewLimits.questionsMax + 1 }, () => ['--ask', 'x']).flat();
  refused(...many).toThrow('21 questions are more than the 20 of one job');
});

test('a result as JSON ends the job without waiting at a terminal', async () => {
  await using folder = folderOf({ 'a.md': 'a' });
  expect(parse(['--json'], folder.path).once).toBe(true);
});
