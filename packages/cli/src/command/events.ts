/** `troupe events`: what becomes of actors, as it comes. */
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface EventsOptions {
  readonly type?: string;
  readonly after?: string;
}

export function addEvents(program: Command): void {
  program
    .command('events')
    .description('show failures, restarts and ends of actors as they come, until it is interrupted')
    .option('--type <type>', 'only of actors of this type')
    .option('--after <n>', 'after this position, 0 for all that are kept; from now on unless given')
    .addHelpText(
      'after',
      `${examples('troupe events', 'troupe events --type Librarian --after 0')}\n\nWith --json each event is a value on a line of its own.`,
    )
    .action(async ({ type, after }: EventsOptions, command: Command) => {
      const settings = settingsOf(command);
      const { terminal } = settings;
      const options = {
        ...(type === undefined ? {} : { type }),
        ...(after === undefined ? {} : { after: countOf('--after', after, 0) }),
      };
      await withTroupe(settings, async (troupe) => {
        for await (const event of troupe.actors.watch(options)) {
          const { position, actor, kind, failure, missed } = event;
          terminal.answer(event, () => {
            if (missed !== undefined) terminal.line(`${missed} events were not kept`);
            const why = failure === undefined ? '' : `: ${failure.code}: ${failure.message}`;
            terminal.line(terminal.fit(`${position} ${actor} ${kind}${why}`));
          });
        }
      });
    });
}
