/** `troupe runs`: looks at runs, answers their pauses, ends them. */
import { type RunView, TroupeError } from '@troupe/model';
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { jsonArgument } from './json-argument.ts';
import { pausedBlocks, printRuns, readableRun } from './run-view.ts';
import { addAgain, addMove, print } from './runs-anew.ts';
import { countOf, examples, settingsOf } from './settings.ts';

export function addRuns(program: Command): void {
  const runs = program
    .command('runs')
    .description('list runs, show one, answer its pauses, cancel it, start it again or move it')
    .addHelpText(
      'after',
      examples(
        'troupe runs',
        'troupe runs show digest-monday',
        'troupe runs approve digest-monday',
        'troupe runs again digest-monday --failed',
      ),
    );
  addList(runs);
  addShow(runs);
  addResume(runs);
  addApprove(runs);
  addCancel(runs);
  addAgain(runs);
  addMove(runs);
}

function addList(runs: Command): void {
  runs
    .command('list', { isDefault: true })
    .description('list the latest runs')
    .option('--limit <n>', 'at most so many', '20')
    .addHelpText('after', examples('troupe runs list --limit 5', 'troupe runs --json'))
    .action(async (options: { limit: string }, command: Command) => {
      const limit = countOf('--limit', options.limit, 1);
      const settings = settingsOf(command);
      const found = await withTroupe(settings, (troupe) => troupe.runs({ limit }));
      settings.terminal.answer(found.map(readableRun), () => printRuns(settings.terminal, found));
    });
}

function addShow(runs: Command): void {
  runs
    .command('show')
    .description('show how far a run is, its blocks and what they wait for')
    .argument('<run>')
    .addHelpText(
      'after',
      examples(
        'troupe runs show digest-monday',
        'troupe runs show digest-monday/translate   # the run that is a block of it',
        'troupe runs show digest-monday --json',
      ) +
        '\n\nOf rounds and branches only what is at work, waits or failed is shown:' +
        '\n`read[3]` is block read in the fourth one.',
    )
    .action(async (run: string, _options: object, command: Command) => {
      const settings = settingsOf(command);
      const view = await withTroupe(settings, (troupe) =>
        troupe.run(run).view(0, { activity: true }),
      );
      print(settings, view);
    });
}

function addResume(runs: Command): void {
  runs
    .command('resume')
    .description('answer a block that waits for a person')
    .argument('<run>')
    .argument('<block>', 'as `troupe runs show` names it: with its round or branch, if it has one')
    .argument('<answer>', 'a JSON value')
    .addHelpText(
      'after',
      examples(
        `troupe runs resume digest-monday approve '{"publish": true}'`,
        `troupe runs resume digest-monday title '"A better title"'`,
        `troupe runs resume digest-monday 'review[2]' '{"grade": 3}'`,
        `troupe runs resume digest-monday/translate review true`,
      ),
    )
    .action(
      async (run: string, block: string, text: string, _options: object, command: Command) => {
        const answer = jsonArgument(text, 'the answer');
        const settings = settingsOf(command);
        print(
          settings,
          await withTroupe(settings, (troupe) => troupe.run(run).resume(block, answer)),
        );
      },
    );
}

function addApprove(runs: Command): void {
  runs
    .command('approve')
    .description('answer a block that waits for a person with `true`')
    .argument('<run>')
    .argument('[block]', 'may be left out when one block alone waits')
    .addHelpText(
      'after',
      examples('troupe runs approve digest-monday', 'troupe runs approve digest-monday publish'),
    )
    .action(async (run: string, block: string | undefined, _options: object, command: Command) => {
      const settings = settingsOf(command);
      const view = await withTroupe(settings, async (troupe) => {
        const handle = troupe.run(run);
        return handle.resume(block ?? onlyPaused(await handle.view()), true);
      });
      print(settings, view);
    });
}

function addCancel(runs: Command): void {
  runs
    .command('cancel')
    .description('end a run that is under way')
    .argument('<run>')
    .addHelpText('after', examples('troupe runs cancel digest-monday'))
    .action(async (run: string, _options: object, command: Command) => {
      const settings = settingsOf(command);
      print(settings, await withTroupe(settings, (troupe) => troupe.run(run).cancel()));
    });
}

function onlyPaused(run: RunView): string {
  const paused = pausedBlocks(run).map((block) => block.block);
  const [only] = paused;
  if (only !== undefined && paused.length === 1) return only;
  const message =
    paused.length === 0
      ? `run ${run.run} is ${run.state} and waits for nobody`
      : `run ${run.run} waits at ${paused.join(', ')}; name the one you approve`;
  throw new TroupeError({ code: 'WRONG_STATE', message, details: { run: run.run } });
}
