/**
 * Nodes as processes of this machine, each under a supervising shell that outlives its creator. The
 * state folder is the record: a later process finds and ends what an earlier one created.
 */
import { resolve } from 'node:path';
import { hostMain } from './build/host-main.ts';
import { localShell } from './machine/local-shell.ts';
import { MachineNodes } from './machine/nodes.ts';
import type { Provider } from './provider.ts';

export interface ProcessProviderOptions {
  /** Belongs to this provider alone. */
  readonly stateDir: string;
  /** Goes before every command, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  /** Main module of the node process, of another build than the installed one. */
  readonly main?: string;
}

export function processProvider(options: ProcessProviderOptions): Provider {
  const nodes = new MachineNodes('process', localShell(options.prefix), resolve(options.stateDir));
  return {
    kind: 'process',
    create: async (spec) =>
      nodes.create(spec, { program: process.execPath, main: hostMain(options.main) }),
    list: () => nodes.list(),
    describe: (name) => nodes.describe(name),
    destroy: (name, given) => nodes.destroy(name, given),
    signal: (name, given) => nodes.signal(name, given),
    logs: (name, lines) => nodes.logs(name, lines),
  };
}
