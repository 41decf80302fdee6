/** `troupe kill-node`: a node of the local cluster dies, to see that nothing is lost. */
import { constants } from 'node:os';
import { TroupeError, troupeError } from '@troupe/model';
import type { Command } from 'commander';
import { signalKnown } from '../local/identity.ts';
import { findDataDir, readRecord } from '../local/state-file.ts';
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
      ),
    )
    .action((name: string, options: { signal: string }, command: Command) => {
      const signal = signalOf(options.signal);
      const { terminal, cell, data } = settingsOf(command);
      const dataDir = findDataDir(cell, data);
      const record = readRecord(dataDir);
      if (record === undefined) {
        throw new TroupeError({
          code: 'WRONG_STATE',
          message: `nothing is up in ${dataDir}; start a cluster with \`troupe up\``,
        });
      }
      const node = record.processes.find((one) => one.kind === 'node' && one.name === name);
      if (node === undefined || !signalKnown(node, signal)) {
        throw troupeError('UNKNOWN_NODE', `no node ${name} of this \`troupe up\` runs`, {
          node: name,
        });
      }
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
