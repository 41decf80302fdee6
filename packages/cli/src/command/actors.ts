/** `troupe actors`: which actors there are, and where. */
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface ActorsOptions {
  readonly type?: string;
  readonly prefix?: string;
  readonly limit: string;
}

export function addActors(program: Command): void {
  program
    .command('actors')
    .description('list actors and the nodes they are on')
    .option('--type <type>', 'only of this type')
    .option('--prefix <text>', 'of that type, only with keys that begin so')
    .option('--limit <n>', 'at most so many', '50')
    .addHelpText(
      'after',
      examples('troupe actors', 'troupe actors --type Librarian --prefix team- --limit 10 --json'),
    )
    .action(async (options: ActorsOptions, command: Command) => {
      const { type, prefix } = options;
      if (prefix !== undefined && type === undefined) {
        throw new UsageError('--prefix needs --type: keys are looked up within a type');
      }
      const limit = countOf('--limit', options.limit, 1);
      const settings = settingsOf(command);
      const { terminal } = settings;
      const found = await withTroupe(settings, (troupe) =>
        troupe.actors({
          ...(type === undefined ? {} : { type }),
          ...(prefix === undefined ? {} : { prefix }),
          limit,
        }),
      );
      terminal.answer(found, () => {
        terminal.table(
          [
            { title: 'ACTOR', value: (one) => one.actor },
            { title: 'NODE', value: (one) => one.node },
            { title: 'EPOCH', value: (one) => one.epoch, numeric: true },
            { title: 'CHAIN', value: (one) => one.chain, numeric: true },
            { title: 'SCOPE', value: (one) => one.scope },
          ],
          found.actors,
        );
        if (found.total > found.actors.length) {
          terminal.line(`${found.actors.length} of ${found.total}; more with --limit`);
        }
      });
    });
}
