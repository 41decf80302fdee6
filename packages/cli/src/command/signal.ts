/** `troupe signal`: what an actor waits for, such as an approval. */
import type { Command } from 'commander';
import { actorOf } from './actor-argument.ts';
import { withTroupe } from './client.ts';
import { jsonArgument } from './json-argument.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface SignalOptions {
  readonly text?: boolean;
  readonly deadline?: string;
}

export function addSignal(program: Command): void {
  program
    .command('signal')
    .description('signal an actor: a turn that waits for it goes on, else it is kept')
    .argument('<type/key>', 'the actor; its key may hold slashes')
    .argument('<name>', 'what the actor waits for')
    .argument('[value]', 'a JSON value; null unless given')
    .option('--text', 'take the value as text instead of JSON')
    .option('--deadline <ms>', 'time in which the actor must have it')
    .addHelpText(
      'after',
      examples(
        `troupe signal Order/17 approval '{"by": "Ada"}'`,
        'troupe signal Order/17 approval --text yes',
      ),
    )
    .action(
      async (
        actor: string,
        name: string,
        text: string | undefined,
        options: SignalOptions,
        command: Command,
      ) => {
        const { type, key } = actorOf(actor);
        const given = text === undefined || options.text === true;
        const value = given ? (text ?? null) : jsonArgument(text, 'the value');
        const settings = settingsOf(command);
        const limit =
          options.deadline === undefined
            ? {}
            : { deadlineMs: countOf('--deadline', options.deadline, 1) };
        await withTroupe(settings, (troupe) => troupe.signal(type, key, name, value, limit));
        settings.terminal.answer({ signalled: `${type}/${key}`, name }, () =>
          settings.terminal.line(`${type}/${key} has the signal ${name}`),
        );
      },
    );
}
