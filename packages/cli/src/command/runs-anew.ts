/** `troupe runs again` and `troupe runs move`: runs that go on otherwise than they began. */
import { type RunView, TroupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { jsonArgument } from './json-argument.ts';
import { printRun, readableRun } from './run-view.ts';
import { examples, type Settings, settingsOf } from './settings.ts';

interface AgainArguments {
  readonly block?: string;
  readonly failed?: boolean;
  readonly run?: string;
  readonly input?: string;
}

const hashLength = 64;

export function addAgain(runs: Command): void {
  runs
    .command('again')
    .description('start an ended run again from a block, or only what failed')
    .argument('<run>')
    .option('--block <id>', 'from this block on; it stands in no loop or parallel')
    .option('--failed', 'what failed, was cancelled or never began, and what comes after it')
    .option('--run <id>', 'id of the new run; starting the same id again finds the same run')
    .option('--input <json>', 'another input; that of the earlier run unless given')
    .addHelpText(
      'after',
      examples(
        'troupe runs again digest-monday --failed',
        'troupe runs again digest-monday --block publish --run digest-monday-2',
      ) +
        '\n\nWhat does not come after that keeps its output and does not run again. The' +
        '\nnew run goes by the latest version of the workflow, which must agree with the' +
        '\nold one on all that is kept.',
    )
    .action(async (run: string, options: AgainArguments, command: Command) => {
      const { block, failed = false } = options;
      if ((block === undefined) === !failed) {
        throw new UsageError('name either --block ID or --failed');
      }
      const settings = settingsOf(command);
      const common = {
        ...(options.run === undefined ? {} : { run: options.run }),
        ...(options.input === undefined ? {} : { input: jsonArgument(options.input, 'the input') }),
      };
      const from = block === undefined ? ({ failedOnly: true } as const) : { block };
      const view = await withTroupe(settings, async (troupe) => {
        const handle = await troupe.run(run).again({ ...from, ...common });
        return await handle.view();
      });
      print(settings, view);
    });
}

export function addMove(runs: Command): void {
  runs
    .command('move')
    .description('let a run under way go on by another version of its workflow')
    .argument('<run>')
    .option('--bundle <hash>', 'the bundle with that version, or its first digits; else the latest')
    .addHelpText(
      'after',
      examples(
        'troupe runs move digest-monday',
        'troupe runs move digest-monday --bundle 4f1c09aa   # also back to an earlier one',
      ) +
        '\n\nThe two versions must agree on every block that has begun and on the edges' +
        '\ninto it; else the first difference is named, and nothing changes.',
    )
    .action(async (run: string, { bundle }: { bundle?: string }, command: Command) => {
      if (bundle !== undefined && !/^[0-9a-f]{4,64}$/.test(bundle)) {
        throw new UsageError(
          `--bundle ${JSON.stringify(bundle)} is not 4 to 64 hexadecimal digits`,
        );
      }
      const settings = settingsOf(command);
      const view = await withTroupe(settings, async (troupe) => {
        const hash = bundle === undefined ? undefined : await wholeHash(troupe, settings, bundle);
        return await troupe.run(run).move(hash);
      });
      print(settings, view);
    });
}

/** Prints a run as the answer of a command. */
export function print({ terminal }: Settings, run: RunView): void {
  terminal.answer(readableRun(run), () => printRun(terminal, run));
}

/** The one bundle of the tenant whose hash begins so. */
async function wholeHash(troupe: Troupe, { tenant }: Settings, begin: string): Promise<string> {
  if (begin.length === hashLength) return begin;
  const { bundles } = await troupe.status();
  const found = bundles.filter((one) => one.tenant === tenant && one.bundle.startsWith(begin));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.bundle;
  const message =
    only === undefined
      ? `tenant "${tenant}" has no bundle that begins with ${begin}; see \`troupe status\``
      : `${found.length} bundles of tenant "${tenant}" begin with ${begin}; name more digits`;
  throw new TroupeError({ code: 'UNKNOWN_BUNDLE', message, details: { bundle: begin } });
}
