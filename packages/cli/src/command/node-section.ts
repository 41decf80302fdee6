/** What a node offers, as options of a command: its section of the configuration file. */
import type { Command } from 'commander';
import { UsageError } from './exit-code.ts';
import { countOf } from './settings.ts';

export interface NodeSectionOptions {
  readonly cpu?: string;
  readonly memory?: string;
  readonly resource?: readonly string[];
  readonly label?: readonly string[];
  readonly runners?: string;
}

export function addNodeSection(command: Command): Command {
  return command
    .option('--cpu <cores>')
    .option('--memory <MiB>')
    .option('--resource <name=amount...>', 'any other resource it offers')
    .option('--label <name=value...>', 'shown by `troupe nodes`')
    .option('--runners <n>', 'processes in which user code runs');
}

export function nodeSection(options: NodeSectionOptions): { readonly [key: string]: unknown } {
  const { cpu, memory, resource = [], label, runners } = options;
  const named = [
    ...(cpu === undefined ? [] : [`cpu=${cpu}`]),
    ...(memory === undefined ? [] : [`memory=${memory}`]),
    ...resource,
  ];
  const amounts = named.map((text) => {
    const [name, value] = pair('--resource', text);
    const amount = Number(value);
    if (value === '' || !Number.isFinite(amount) || amount < 0) {
      throw new UsageError(`${name} ${JSON.stringify(value)} is no amount`);
    }
    return [name, amount] as const;
  });
  const labels = label?.map((text) => pair('--label', text));
  return {
    ...(amounts.length === 0 ? {} : { resources: onceEach('resource', amounts) }),
    ...(labels === undefined ? {} : { labels: onceEach('label', labels) }),
    ...(runners === undefined ? {} : { runners: countOf('--runners', runners, 1) }),
  };
}

/** One of two values would be dropped without a word. */
function onceEach<V>(
  what: string,
  pairs: readonly (readonly [string, V])[],
): { [name: string]: V } {
  const names = pairs.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`the ${what} ${twice} is given twice`);
  return Object.fromEntries(pairs);
}

function pair(option: string, text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new UsageError(`${option} ${JSON.stringify(text)} is not name=value`);
}
