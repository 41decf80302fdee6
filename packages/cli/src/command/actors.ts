/** `troupe actors`: which actors there are, and where. */
import { actorStates } from '@troupe/model';
import type { Command } from 'commander';
import { labelsOf, several } from './actor-labels.ts';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface ActorsOptions {
  readonly type?: string;
  readonly prefix?: string;
  readonly label?: readonly string[];
  readonly state?: string;
  readonly after?: string;
  readonly limit: string;
}

export function addActors(program: Command): void {
  program
    .command('actors')
    .description('list actors and the nodes they are on')
    .option('--type <type>', 'only of this type')
    .option('--prefix <text>', 'of that type, only with keys that begin so')
    .option('--label <name=value>', 'only with this label; may be repeated', several)
    .option('--state <state>', `only ${actorStates.join(', ')}`)
    .option('--after <id>', 'those that follow it, as the page before said')
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
      const state = actorStates.find((name) => name === options.state);
      if (options.state !== undefined && state === undefined) {
        throw new UsageError(`--state is one of ${actorStates.join(', ')}`);
      }
      const labels = labelsOf(options.label);
      const limit = countOf('--limit', options.limit, 1);
      const settings = settingsOf(command);
      const { terminal } = settings;
      const found = await withTroupe(settings, (troupe) =>
        troupe.actors({
          ...(type === undefined ? {} : { type }),
          ...(prefix === undefined ? {} : { prefix }),
          ...(state === undefined ? {} : { state }),
          ...(options.after === undefined ? {} : { after: options.after }),
          labels,
          limit,
        }),
      );
      terminal.answer(found, () => {
        terminal.table(
          [
            { title: 'ACTOR', value: (one) => one.actor },
            { title: 'STATE', value: (one) => one.state },
            { title: 'NODE', value: (one) => one.node },
            { title: 'EPOCH', value: (one) => one.epoch, numeric: true },
            { title: 'CHAIN', value: (one) => one.chain, numeric: true },
            { title: 'SCOPE', value: (one) => one.scope },
          ],
          found.actors,
        );
        if (found.next !== undefined) {
          const shown = `${found.actors.length} of ${found.total}`;
          terminal.line(`${shown}; more with --limit, or --after '${found.next}'`);
        }
        if (found.cut === true) {
          terminal.line(
            'there are more: a node has more ill actors than it names, see `troupe events`',
          );
        }
      });
    });
}
