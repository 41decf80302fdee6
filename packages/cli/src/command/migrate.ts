/** `troupe migrate`: moves one live actor to another node. */
import type { Command } from 'commander';
import { actorOf } from './actor-argument.ts';
import { withTroupe } from './client.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface MigrateOptions {
  readonly to?: string;
  readonly wait: string;
}

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('move one live actor to another node; its callers notice only latency')
    .argument('<type/key>', 'the actor; its key may hold slashes')
    .option('--to <node>', 'name of a node; the one that suits best unless given')
    .option(
      '--wait <ms>',
      'for the actor to be there, a minute at most; it moves all the same later',
      '30000',
    )
    .addHelpText(
      'after',
      examples('troupe migrate Counter/visits', 'troupe migrate Librarian/team-7 --to n2 --json'),
    )
    .action(async (actor: string, options: MigrateOptions, command: Command) => {
      const { type, key } = actorOf(actor);
      const waitMs = countOf('--wait', options.wait, 1);
      const to = options.to === undefined ? {} : { to: options.to };
      const settings = settingsOf(command);
      const moved = await withTroupe(settings, (troupe) =>
        troupe.migrate(type, key, { ...to, waitMs }),
      );
      settings.terminal.answer({ actor, ...moved }, () =>
        settings.terminal.line(said[moved.state](actor, moved.node)),
      );
    });
}

const said = {
  moved: (actor: string, node: string) => `${actor} is on ${node}`,
  there: (actor: string, node: string) => `${actor} was on ${node} already, and stays`,
  'under-way': (actor: string, node: string) =>
    `${actor} is on ${node} until its last turn has ended there; see \`troupe actors\``,
} as const;
