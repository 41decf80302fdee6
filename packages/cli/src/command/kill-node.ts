/**
 * `troupe kill-node`: any signal to a node, and nothing else: it stays away. With recovery, told and
 * measured, this is `troupe chaos kill-node`.
 */
import { constants } from 'node:os';
import type { Command } from 'commander';
import { recordOf } from '../chaos/scene.ts';
import { nodeNamed, victimsOf } from '../chaos/victim.ts';
import { findDataDir } from '../local/state-file.ts';
import { UsageError } from './exit-code.ts';
import { examples, settingsOf } from './settings.ts';

export function addKillNode(program: Command): void {
  program
    .command('kill-node')
    .description('send a signal to a node of the local cluster, to see what its loss does')
    .argument('<name>')
    .option('--signal <name>', 'KILL, TERM, STOP, CONT ...', 'KILL')
    .addHelpText(
      'after',
      examples(
        'troupe kill-node n2',
        'troupe kill-node n2 --signal STOP   # freezes it',
        'troupe kill-node n2 --signal CONT   # lets it go on: it finds itself fenced',
        'troupe node start --name n2         # brings it back',
        'troupe chaos kill-node n2           # kills it, brings it back, says how long that took',
      ),
    )
    .action(async (name: string, options: { signal: string }, command: Command) => {
      const signal = signalOf(options.signal);
      const { terminal, cell, data } = settingsOf(command);
      const dataDir = findDataDir(cell, data);
      recordOf(dataDir);
      const victims = await victimsOf(dataDir);
      const node = nodeNamed(victims, name);
      if (!(await node.send(signal))) nodeNamed([], name);
      terminal.answer({ node: name, pid: node.pid, signal }, () =>
        terminal.line(`sent ${signal} to node ${name} (pid ${node.pid})`),
      );
    });
}

function signalOf(text: string): NodeJS.Signals {
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  if (isSignal(name)) return name;
  throw new UsageError(
    `--signal ${JSON.stringify(text)} is no signal; KILL, TERM, STOP and CONT are`,
  );
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
