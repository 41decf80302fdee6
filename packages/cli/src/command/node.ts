/** `troupe node` and `troupe scheduler`: one process by hand, for a machine of its own. */
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { configFileOf, type ForegroundOptions, runInForeground } from './foreground.ts';
import { addNodeSection, type NodeSectionOptions, nodeSection } from './node-section.ts';
import { addPlacedNodes } from './placed-nodes.ts';
import { examples, settingsOf } from './settings.ts';

type NodeStartOptions = ForegroundOptions & NodeSectionOptions;

interface SchedulerStartOptions extends ForegroundOptions {
  readonly listen?: string;
}

export function addNode(program: Command): void {
  const node = program
    .command('node')
    .description('put nodes on machines, start one by hand, cordon or drain one')
    .addHelpText(
      'after',
      examples(
        'troupe node add root@10.0.0.5 --key id_ed25519 --name n4 --trust-on-first-use',
        'troupe node start --name n4',
        'troupe node drain n2',
      ),
    );
  addPlacedNodes(node);

  addNodeSection(node.command('start'))
    .description('run one node in the foreground')
    .option('--config <file>', 'YAML or JSON; says everything')
    .option('--name <name>', 'stays the same over restarts')
    .option('--etcd <url...>', 'of the local cluster when absent')
    .option('--nats <url...>', 'of the local cluster when absent')
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

  addCordon(node, 'cordon', 'place nothing new on a node; what is there stays');
  addCordon(node, 'uncordon', 'place on a cordoned node again');
}

function addCordon(node: Command, name: 'cordon' | 'uncordon', description: string): void {
  node
    .command(name)
    .description(description)
    .argument('<name>')
    .addHelpText('after', examples(`troupe node ${name} n2`, 'troupe nodes'))
    .action(async (of: string, _options: object, command: Command) => {
      const settings = settingsOf(command);
      const cordoned = name === 'cordon';
      await withTroupe(settings, (troupe) => troupe.cordonNode(of, cordoned));
      settings.terminal.answer({ node: of, cordoned }, () =>
        settings.terminal.line(
          cordoned ? `nothing new is placed on node ${of}` : `node ${of} is placed on again`,
        ),
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
