/** `troupe tasks`: what waits, and why, and what runs. */
import type { Command } from 'commander';
import { progressText } from './activity.ts';
import { withTroupe } from './client.ts';
import { countOf, examples, settingsOf } from './settings.ts';

export function addTasks(program: Command): void {
  program
    .command('tasks')
    .description('list tasks that wait, with the reason, and tasks that run, with their progress')
    .option('--limit <n>', 'at most so many', '50')
    .addHelpText('after', examples('troupe tasks', 'troupe tasks --limit 500 --json'))
    .action(async (options: { limit: string }, command: Command) => {
      const limit = countOf('--limit', options.limit, 1);
      const settings = settingsOf(command);
      const { terminal } = settings;
      const found = await withTroupe(settings, (troupe) => troupe.tasks({ limit, activity: true }));
      terminal.answer(found, () => {
        terminal.table(
          [
            { title: 'TASK', value: (one) => one.task },
            { title: 'NAME', value: (one) => one.name },
            {
              title: 'STATE',
              value: (one) => one.state,
              paint: (cell, one) =>
                terminal.paint(one.state === 'running' ? 'green' : 'yellow', cell),
            },
            { title: 'ATTEMPTS', value: (one) => one.attempts, numeric: true },
            { title: 'NODE', value: (one) => one.node ?? '' },
            { title: 'WHY', value: (one) => one.why ?? progressText(one.progress) },
          ],
          found.tasks,
        );
        if (found.total > found.tasks.length) {
          terminal.line(`${found.tasks.length} of ${found.total}; more with --limit`);
        }
      });
    });
}
