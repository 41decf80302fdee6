/** `troupe import`: workflows of other systems as modules that can be deployed. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { troupeError } from '@troupe/model';
import type { BlockTypes, Imported } from '@troupe/sim-format';
import type { Command } from 'commander';
import type { Terminal } from '../terminal/terminal.ts';
import { UsageError } from './exit-code.ts';
import { examples, settingsOf } from './settings.ts';

interface ImportOptions {
  readonly out?: string;
  readonly force?: boolean;
  readonly name?: string;
  readonly trigger?: string;
  readonly until?: string;
  readonly types?: string;
  readonly strict?: boolean;
  readonly env: readonly string[];
}

export function addImport(program: Command): void {
  const imports = program
    .command('import')
    .description('turn a workflow of another system into a module to deploy')
    .addHelpText('after', examples('troupe import sim triage.json --out triage.ts'));

  imports
    .command('sim')
    .description('import a serialized workflow of Sim; only shows what becomes of it without --out')
    .argument('<file>', 'its JSON: blocks, connections, loops, parallels')
    .option('--out <file>', 'the TypeScript module to write')
    .option('--force', 'write over a file that is there')
    .option('--name <name>', 'name of the workflow; that of the file unless given')
    .option('--trigger <block>', 'where the run starts: name or id; the first trigger unless given')
    .option('--until <block>', 'leave out what comes after this block')
    .option('--types <file>', 'JSON that says what becomes of further types of blocks')
    .option('--strict', 'refuse types that are not known, instead of a task to be written for each')
    .option('--env <name=value>', 'a value for {{name}}, written into the module', collected, [])
    .addHelpText(
      'after',
      examples(
        'troupe import sim triage.json',
        'troupe import sim triage.json --out triage.ts && troupe deploy triage.ts',
        'troupe import sim triage.json --types types.json --strict --json',
      ) +
        '\n\nA file of types: {"crm": {"kind": "task", "task": "add-contact"},' +
        '\n"ledger": {"kind": "call", "type": "Ledger", "key": "account", "method": "add", "args": ["sum"]}}.' +
        '\n{{NAME}} without --env is read from the environment by the task, on its node.',
    )
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { terminal } = settingsOf(command);
      await importFile(file, options, terminal);
    });
}

async function importFile(file: string, options: ImportOptions, terminal: Terminal): Promise<void> {
  const document = readJson(file);
  const { importSim, moduleText } = await import('@troupe/sim-format');
  const types = options.types === undefined ? {} : await readTypes(options.types);
  const { out, trigger, until } = options;
  const source = basename(file);
  const imported = importSim(document, {
    name: options.name ?? source.replace(/(\.serialized)?\.json$/i, ''),
    types,
    otherTypes: options.strict === true ? 'refused' : 'tasks',
    environment: environmentIn(options.env),
    ...(trigger === undefined ? {} : { trigger }),
    ...(until === undefined ? {} : { until }),
  });
  const { workflow, blocks, tasks, notes, refusals } = imported;
  if (workflow === undefined) {
    if (!terminal.json) showBlocks(terminal, imported);
    const said = refusals.map(({ place, what }) => `block "${place}": ${what}`);
    throw troupeError('WORKFLOW_INVALID', `${source} cannot be imported:\n${said.join('\n')}`);
  }
  if (out !== undefined) {
    if (existsSync(out) && options.force !== true) {
      throw troupeError('ALREADY_EXISTS', `${out} is there already; --force writes over it`);
    }
    writeFileSync(out, moduleText(imported, { source }));
  }
  const unwritten = tasks.filter(({ isBuiltIn }) => !isBuiltIn).map(({ of }) => of);
  const answer = { workflow: workflow.name, blocks, tasks, notes, unwritten, out: out ?? null };
  terminal.answer(answer, () => {
    showBlocks(terminal, imported);
    for (const { place, what } of notes) terminal.line(`note: ${place}: ${what}`);
    if (unwritten.length > 0) {
      terminal.line(`to be written by you: ${[...new Set(unwritten)].sort().join(', ')}`);
    }
    terminal.line(
      out === undefined
        ? `workflow ${workflow.name} is translated; write it with --out. Its graph (cycles, empty loops, depth) is checked by \`troupe deploy\``
        : `wrote ${out}; deploy it with \`troupe deploy ${out}\``,
    );
  });
}

function showBlocks(terminal: Terminal, { blocks, tasks, refusals }: Imported): void {
  const refused = new Set(refusals.map(({ place }) => place));
  const own = new Set(
    tasks.filter(({ isBuiltIn }) => !isBuiltIn).map(({ name }) => `task ${name}`),
  );
  terminal.table(
    [
      { title: 'BLOCK', value: ({ id }) => id },
      { title: 'TYPE', value: ({ type }) => type },
      {
        title: 'BECOMES',
        value: ({ id, became }) => {
          if (refused.has(id)) return 'refused';
          if (became === undefined) return '-';
          return own.has(became) ? `${became}, to be written` : became;
        },
      },
    ],
    blocks,
  );
}

function readJson(file: string): unknown {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new UsageError(`${file} is no file; name a JSON file`);
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new UsageError(`${file} is no JSON: ${thrown instanceof Error ? thrown.message : ''}`);
  }
}

async function readTypes(file: string): Promise<BlockTypes> {
  const { blockTypesSchema } = await import('@troupe/sim-format');
  const parsed = blockTypesSchema.safeParse(readJson(file));
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError(`${file} does not say what becomes of types: ${places.join('; ')}`);
}

function environmentIn(pairs: readonly string[]): { [name: string]: string } {
  const entries = pairs.map((pair): [string, string] => {
    const at = pair.indexOf('=');
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new UsageError(`--env ${JSON.stringify(pair)} is not name=value`);
  });
  return Object.fromEntries(entries);
}

function collected(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
