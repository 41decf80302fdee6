/** `troupe node` and `troupe scheduler`: one process by hand, for a machine of its own. */
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { configFileOf, type ForegroundOptions, runInForeground } from './foreground.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface NodeStartOptions extends ForegroundOptions {
  readonly cpu?: string;
  readonly memory?: string;
  readonly resource?: readonly string[];
  readonly label?: readonly string[];
  readonly runners?: string;
}

interface SchedulerStartOptions extends ForegroundOptions {
  readonly listen?: string;
}

export function addNode(program: Command): void {
  const node = program
    .command('node')
    .description('start one node by hand, or drain one')
    .addHelpText('after', examples('troupe node start --name n4', 'troupe node drain n2'));

  node
    .command('start')
    .description('run one node in the foreground')
    .option('--config <file>', 'YAML or JSON; says everything')
    .option('--name <name>', 'stays the same over restarts')
    .option('--etcd <url...>', 'of the local cluster when absent')
    .option('--nats <url...>', 'of the local cluster when absent')
    .option('--cpu <cores>')
    .option('--memory <MiB>')
    .option('--resource <name=amount...>', 'any other resource it offers')
    .option('--label <name=value...>', 'shown by `troupe nodes`')
    .option('--runners <n>', 'processes in which user code runs')
    .addHelpText(
      'after',
      examples(
        'troupe node start --name n4',
        'troupe node start --name gpu-1 --resource gpu=2 --label zone=eu',
        'troupe node start --name n4 --etcd http://10.0.0.1:2379 --nats nats://10.0.0.1:4222',
        'troupe node start --config node.yaml',
      ),
    )
    .action(async (options: NodeStartOptions, command: Command) => {
      const settings = settingsOf(command);
      const file = configFileOf('node', settings, options, nodeSection(options));
      await runInForeground('node', settings, file);
    });

  node
    .command('drain')
    .description('move everything off a node, so that it can be stopped')
    .argument('<name>')
    .addHelpText('after', examples('troupe node drain n2', 'troupe nodes'))
    .action(async (name: string, _options: object, command: Command) => {
      const settings = settingsOf(command);
      await withTroupe(settings, (troupe) => troupe.drainNode(name));
      settings.terminal.answer({ node: name, state: 'draining' }, () =>
        settings.terminal.line(`node ${name} is draining; watch it with \`troupe nodes\``),
      );
    });
}

export function addScheduler(program: Command): void {
  program
    .command('scheduler')
    .description('start one scheduler by hand')
    .addHelpText('after', examples('troupe scheduler start --config scheduler.yaml'))
    .command('start')
    .description('run one scheduler in the foreground')
    .option('--config <file>', 'YAML or JSON; says everything')
    .option('--name <name>', 'unique in its cell')
    .option('--etcd <url...>', 'of the local cluster when absent')
    .option('--nats <url...>', 'of the local cluster when absent')
    .option('--listen <host:port>', 'where its gateway serves')
    .addHelpText(
      'after',
      examples(
        'troupe scheduler start --config scheduler.yaml',
        'troupe scheduler start --name s2 --listen 127.0.0.1:7412',
      ),
    )
    .action(async (options: SchedulerStartOptions, command: Command) => {
      const settings = settingsOf(command);
      const section = options.listen === undefined ? {} : { listen: options.listen };
      const file = configFileOf('scheduler', settings, options, section);
      await runInForeground('scheduler', settings, file);
    });
}

function nodeSection(options: NodeStartOptions): { readonly [key: string]: unknown } {
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
