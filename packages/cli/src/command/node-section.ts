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
  return {
    ...(amounts.length === 0 ? {} : { resources: Object.fromEntries(amounts) }),
    ...(label === undefined
      ? {}
      : { labels: Object.fromEntries(label.map((text) => pair('--label', text))) }),
    ...(runners === undefined ? {} : { runners: countOf('--runners', runners, 1) }),
  };
}

function pair(option: string, text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new UsageError(`${option} ${JSON.stringify(text)} is not name=value`);
}
