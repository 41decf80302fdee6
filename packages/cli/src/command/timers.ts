/** `troupe timers`: the timers of actors that wait, and when each falls due. */
import type { PendingTimerView } from '@troupe/model';
import type { Command } from 'commander';
import { actorOf } from './actor-argument.ts';
import { withTroupe } from './client.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface TimersOptions {
  readonly limit: string;
  readonly after?: string;
}

export function addTimers(program: Command): void {
  program
    .command('timers')
    .description('list timers of actors that wait, and when each falls due')
    .argument('[type/key]', 'only of this actor; its key may hold slashes')
    .option('--limit <n>', 'at most so many', '50')
    .option('--after <text>', 'the page after one that ended so')
    .addHelpText('after', examples('troupe timers', 'troupe timers Librarian/team-7 --json'))
    .action(async (actor: string | undefined, options: TimersOptions, command: Command) => {
      const of = actor === undefined ? {} : actorOf(actor);
      const limit = countOf('--limit', options.limit, 1);
      const after = options.after === undefined ? {} : { after: options.after };
      const settings = settingsOf(command);
      const { terminal } = settings;
      const found = await withTroupe(settings, (troupe) =>
        troupe.timers({ ...of, ...after, limit }),
      );
      terminal.answer(found, () => {
        terminal.table(
          [
            { title: 'ACTOR', value: (one) => one.actor },
            { title: 'TIMER', value: (one) => one.name ?? `#${one.number} (a send)` },
            { title: 'DUE IN', value: dueIn, numeric: true },
            { title: 'FIRING', value: (one) => one.firing, numeric: true },
            { title: 'COMES', value: comes },
          ],
          found.timers,
        );
        if (found.next === undefined) return;
        terminal.line(`${found.timers.length} of ${found.total}; go on with --after ${found.next}`);
      });
    });
}

/** A timer that is due waits for its actor. */
function dueIn({ dueInMs }: PendingTimerView): string {
  if (dueInMs <= 0) return 'due';
  return dueInMs < 10_000 ? `${Math.ceil(dueInMs)} ms` : `${Math.round(dueInMs / 1_000)} s`;
}

function comes({ everyMs, cron, zone }: PendingTimerView): string {
  if (cron !== undefined) return `${cron} (${zone})`;
  return everyMs === undefined ? 'once' : `every ${everyMs} ms`;
}
