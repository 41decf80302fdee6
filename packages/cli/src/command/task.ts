/** `troupe task`: one task, waited for. */
import type { Retries } from '@troupe/model';
import { type Command, Option } from 'commander';
import { shown } from '../terminal/terminal.ts';
import { withTroupe } from './client.ts';
import { jsonArgument } from './json-argument.ts';
import { countOf, examples, settingsOf, spanOf } from './settings.ts';

interface TaskOptions {
  readonly text?: boolean;
  readonly priority?: 'low' | 'normal' | 'high';
  readonly retries?: string;
  readonly queue?: string;
  readonly dueIn?: string;
  readonly id?: string;
}

export function addTask(program: Command): void {
  program
    .command('task')
    .description('submit a task and print what it comes to')
    .argument('<name>')
    .argument('[input]', 'a JSON value; none when absent')
    .option('--text', 'take the input as text instead of JSON')
    .addOption(
      new Option('--priority <name>', 'place in its queue').choices(['low', 'normal', 'high']),
    )
    .option('--queue <name>', 'a queue of the tenant, which `troupe tenants set` opened')
    .option('--due-in <span>', 'when it should have ended, such as 30s: more urgent in its tenant')
    .option('--retries <n>', 'tries after the first, or unlimited')
    .option('--id <task>', 'submitting the same id again gives the same result')
    .addHelpText(
      'after',
      examples(
        `troupe task read '{"file": "docs/one.md"}'`,
        'troupe task read --text docs/one.md --priority high --json',
        'troupe task read --text docs/one.md --queue reports --due-in 30s',
      ),
    )
    .action(
      async (name: string, text: string | undefined, options: TaskOptions, command: Command) => {
        const input = inputOf(text, options.text === true);
        const settings = settingsOf(command);
        const { priority, retries, id, queue, dueIn } = options;
        const submitOptions = {
          ...(priority === undefined ? {} : { priority }),
          ...(retries === undefined ? {} : { retries: retriesGiven(retries) }),
          ...(id === undefined ? {} : { id }),
          ...(queue === undefined ? {} : { queue }),
          ...(dueIn === undefined ? {} : { dueInMs: spanOf('--due-in', dueIn) }),
        };
        const output = await withTroupe(settings, (troupe) =>
          troupe.task(name, input, submitOptions),
        );
        settings.terminal.answer(output, () => settings.terminal.line(shown(output ?? null)));
      },
    );
}

function retriesGiven(text: string): Retries {
  return text === 'unlimited' ? text : countOf('--retries', text, 0);
}

/** The input of a task or run. */
export function inputOf(text: string | undefined, asText: boolean): unknown {
  if (text === undefined) return undefined;
  return asText ? text : jsonArgument(text, 'the input');
}
