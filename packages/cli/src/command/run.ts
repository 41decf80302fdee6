/** `troupe run`: starts a run of a workflow and, if asked, waits for it. */
import { type RunView, TroupeError, troupeError } from '@troupe/model';
import type { RunHandle } from '@troupe/sdk';
import type { Command } from 'commander';
import { shown, type Terminal } from '../terminal/terminal.ts';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { hasEnded, pausedBlocks, questionOf, quoted, readableRun, resumeHint } from './run-view.ts';
import { examples, settingsOf, spanOf } from './settings.ts';
import { inputOf } from './task.ts';

interface RunOptions {
  readonly text?: boolean;
  readonly wait?: boolean;
  readonly run?: string;
  readonly limit?: string;
}

/** Each look at a run under way waits so long for its end. */
const lookMs = 2_000;

export function addRun(program: Command): void {
  program
    .command('run')
    .description('start a run of a workflow')
    .argument('<workflow>')
    .argument('[input]', 'a JSON value; none when absent')
    .option('--text', 'take the input as text instead of JSON')
    .option('--wait', 'wait for the end and print the output; a failed run exits with 1')
    .option('--limit <time>', 'fail it after so long, pauses included: 90s, 10m, 8h')
    .option('--run <id>', 'id of the run; starting the same id again finds the same run')
    .addHelpText(
      'after',
      examples(
        `troupe run digest '{"folder": "docs"}' --wait`,
        `troupe run digest '{"folder": "docs"}' --run digest-monday --json`,
      ),
    )
    .action(
      async (workflow: string, text: string | undefined, options: RunOptions, command: Command) => {
        const input = inputOf(text, options.text === true);
        const limitMs = limitOf(options.limit);
        const settings = settingsOf(command);
        const { terminal } = settings;
        await withTroupe(settings, async (troupe) => {
          const startOptions = {
            ...(options.run === undefined ? {} : { run: options.run }),
            ...(limitMs === undefined ? {} : { limitMs }),
          };
          const handle = await troupe.start(workflow, input, startOptions);
          if (options.wait !== true) {
            terminal.answer({ run: handle.id, workflow }, () => {
              terminal.line(`started run ${handle.id}`);
              terminal.line(`watch it with \`troupe runs show ${handle.id}\``);
            });
            return;
          }
          terminal.note(`run ${handle.id} of ${workflow}`);
          const ended = await untilEnded(terminal, handle);
          if (ended.state !== 'done') throw failureOfRun(ended);
          const output = await handle.result();
          terminal.answer(readableRun(ended), () => terminal.line(shown(output ?? null)));
        });
      },
    );
}

/** None is told from 0 here: on the wire, 0 stands for none. */
function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limitMs = spanOf('--limit', text);
  if (limitMs > 0) return limitMs;
  throw new UsageError(`--limit ${JSON.stringify(text)} is no time; leave it out for no limit`);
}

async function untilEnded(terminal: Terminal, handle: RunHandle<unknown>): Promise<RunView> {
  const told = new Set<string>();
  for (;;) {
    const view = await handle.view(lookMs);
    if (hasEnded(view)) return view;
    for (const { block, child } of view.blocks) {
      if (child === undefined || told.has(block)) continue;
      told.add(block);
      terminal.note(`${block} is run ${child}: \`troupe runs show ${quoted(child)}\``);
    }
    for (const block of pausedBlocks(view)) {
      if (told.has(block.block)) continue;
      told.add(block.block);
      terminal.note(`${block.block} asks: ${questionOf(block)}`);
      terminal.note(`answer with ${resumeHint(view, block)}`);
    }
  }
}

function failureOfRun(run: RunView): TroupeError {
  if (run.outcome !== undefined && !run.outcome.ok) return new TroupeError(run.outcome.failure);
  return troupeError('CANCELLED', `run ${run.run} is ${run.state}`, { run: run.run });
}
