/** `troupe node add`, `remove`, `list`, `logs`: nodes that a provider put on machines. */
import { isShortName, TroupeError } from '@troupe/model';
import type { Created, NodeState, NodeStatus } from '@troupe/providers';
import type { Command } from 'commander';
import { z } from 'zod';
import { providersOf, removeNode } from '../local/providers.ts';
import { findDataDir, readRecord } from '../local/state-file.ts';
import { duration } from '../terminal/duration.ts';
import { UsageError } from './exit-code.ts';
import { addNodeSection, type NodeSectionOptions, nodeSection } from './node-section.ts';
import { countOf, examples, type Settings, settingsOf, shortNameRule } from './settings.ts';

interface AddOptions extends NodeSectionOptions {
  readonly name?: string;
  readonly key?: string;
  readonly hostKey?: string;
  readonly trustOnFirstUse?: boolean;
  readonly folder?: string;
  readonly program?: string;
  readonly config?: string;
  readonly etcd?: readonly string[];
  readonly nats?: readonly string[];
}

export function addPlacedNodes(node: Command): void {
  addNodeAdd(node);
  node
    .command('remove')
    .description('drain a node that was added, end it and remove all that was put there')
    .argument('<name>')
    .option('--now', 'without a drain: failover takes its actors over')
    .option('--forget', 'also when its machine does not answer; what lies there stays')
    .addHelpText('after', examples('troupe node remove n4', 'troupe node remove n4 --now'))
    .action(async (name: string, given: { now?: boolean; forget?: boolean }, command: Command) => {
      const { terminal, ...settings } = settingsOf(command);
      const drain = given.now === true ? { drainMsMax: 0 } : {};
      const removed = await removeNode(findDataDir(settings.cell, settings.data), checked(name), {
        ...drain,
        forget: given.forget === true,
      });
      terminal.answer({ node: name, removed }, () =>
        terminal.line(removed ? `node ${name} is removed` : `no node ${name} was added`),
      );
    });

  node
    .command('list')
    .description('list the nodes that were added, as their machines see them')
    .addHelpText('after', examples('troupe node list', 'troupe node list --json'))
    .action(async (_options: object, command: Command) => {
      const settings = settingsOf(command);
      const lists = await Promise.all(
        Object.values(providersOf(findDataDir(settings.cell, settings.data))).map((provider) =>
          provider.list(),
        ),
      );
      const nodes = lists.flat();
      settings.terminal.answer(nodes, () => printPlaced(settings, nodes));
    });

  node
    .command('logs')
    .description('show what a node that was added wrote last')
    .argument('<name>')
    .option('--lines <n>', 'how many lines', '200')
    .addHelpText('after', examples('troupe node logs n4', 'troupe node logs n4 --lines 1000'))
    .action(async (name: string, given: { lines: string }, command: Command) => {
      const settings = settingsOf(command);
      const lines = countOf('--lines', given.lines, 1);
      for (const provider of Object.values(
        providersOf(findDataDir(settings.cell, settings.data)),
      )) {
        if ((await provider.describe(name)) === undefined) continue;
        const text = await provider.logs(name, lines);
        settings.terminal.answer({ node: name, log: text }, () => process.stdout.write(text));
        return;
      }
      throw new TroupeError({
        code: 'UNKNOWN_NODE',
        message: `no node ${name} was added; list those that were with \`troupe node list\``,
        details: { node: name },
      });
    });
}

function addNodeAdd(node: Command): void {
  addNodeSection(node.command('add'))
    .description('put a node on a machine reached by ssh, or on this one, and keep it running')
    .argument('[user@host:port]', 'this machine when absent')
    .option('--name <name>', 'stays the same over restarts; made of the host when absent')
    .option('--key <file>', 'private key; what ssh finds by itself when absent')
    .option('--host-key <fingerprint>', "of the machine's host key, as `ssh-keygen -l` prints it")
    .option('--trust-on-first-use', 'believe the host key that the machine shows first')
    .option('--folder <dir>', 'where everything lies there (.troupe in the home folder)')
    .option('--program <file>', 'the program there that is Node.js (node)')
    .option('--config <file>', 'YAML or JSON with the addresses of etcd and NATS')
    .option('--etcd <url...>', 'as reached from there; of the local cluster when absent')
    .option('--nats <url...>', 'as reached from there; of the local cluster when absent')
    .addHelpText(
      'after',
      examples(
        'troupe node add --name n4',
        'troupe node add troupe@10.0.0.5 --key id_ed25519 --host-key SHA256:… --config cell.yaml',
        'troupe node add root@[fd00::5]:2222 --name gpu-1 --resource gpu=2 --trust-on-first-use',
      ),
    )
    .action(async (target: string | undefined, options: AddOptions, command: Command) => {
      const settings = settingsOf(command);
      const created = await create(settings, target, options);
      settings.terminal.answer(created, () => {
        const how = created.created ? 'is up' : 'was there already';
        settings.terminal.line(`node ${created.name} ${how} on ${created.place}: ${said(created)}`);
      });
      const kept = created.created ? [] : keptOptions(options);
      if (kept.length === 0) return;
      settings.terminal.note(
        `${kept.join(', ')}: not changed, it keeps what it was added with; remove it and add it again`,
      );
    });
}

async function create(
  settings: Settings,
  target: string | undefined,
  options: AddOptions,
): Promise<Created> {
  if (target === undefined) refuseFarOptions(options);
  const { process, ssh } = providersOf(findDataDir(settings.cell, settings.data));
  const { shared, node } = await configOf(settings, target, options);
  const name = nameOf(target, options);
  const spec = { name, shared, node: { ...node, ...nodeSection(options) } };
  if (target === undefined) return process.create(spec);
  const { key, hostKey, trustOnFirstUse, folder, program } = options;
  if (hostKey !== undefined && trustOnFirstUse === true) {
    throw new UsageError('--host-key or --trust-on-first-use: give one of them');
  }
  const trust = hostKey !== undefined ? { fingerprint: hostKey } : 'first-use';
  return ssh.create({
    ...spec,
    target,
    ...(key === undefined ? {} : { keyFile: key }),
    ...(hostKey === undefined && trustOnFirstUse !== true ? {} : { trust }),
    ...(folder === undefined ? {} : { folder }),
    ...(program === undefined ? {} : { program }),
  });
}

/** What was asked for of a node and is not looked at where it runs already. */
function keptOptions(options: AddOptions): readonly string[] {
  const names = [
    'cpu',
    'memory',
    'resource',
    'label',
    'runners',
    'config',
    'etcd',
    'nats',
  ] as const;
  return names.filter((name) => options[name] !== undefined).map((name) => `--${name}`);
}

/** What says how a far machine is reached says nothing about this one. */
function refuseFarOptions({ key, hostKey, trustOnFirstUse, folder, program }: AddOptions): void {
  const given = Object.entries({
    '--key': key,
    '--host-key': hostKey,
    '--trust-on-first-use': trustOnFirstUse,
    '--folder': folder,
    '--program': program,
  }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length === 0) return;
  throw new UsageError(`${given.join(', ')}: only for a machine reached by ssh; give user@host`);
}

/** Nodes that were added on this machine. */
export function placedHere(cell: string, data: string | undefined): Promise<readonly NodeStatus[]> {
  return providersOf(findDataDir(cell, data)).process.list();
}

function nameOf(target: string | undefined, { name }: AddOptions): string {
  const host = /@\[?([^\]]+?)\]?(?::\d+)?$/.exec(target ?? '')?.[1];
  const made = host?.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const chosen = name ?? made;
  if (chosen === undefined) throw new UsageError('give --name');
  return checked(chosen);
}

function checked(name: string): string {
  if (isShortName(name)) return name;
  throw new UsageError(`${JSON.stringify(name)} is no name of a node: ${shortNameRule}`);
}

/** The shared part of the configuration, with addresses that the machine can reach. */
async function configOf(settings: Settings, target: string | undefined, options: AddOptions) {
  const dataDir = findDataDir(settings.cell, settings.data);
  const { node, ...file } =
    options.config === undefined
      ? { ...readRecord(dataDir)?.shared, cell: settings.cell, node: {} }
      : await readCellConfig(options.config);
  const shared = {
    ...file,
    ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
    ...(options.nats === undefined ? {} : { nats: { servers: options.nats } }),
  };
  if (!('etcd' in shared) || !('nats' in shared)) {
    throw new UsageError(`nothing is up in ${dataDir}: give --config, or --etcd and --nats`);
  }
  const near = JSON.stringify([shared.etcd, shared.nats]).match(loopback)?.[0];
  if (target !== undefined && !loopback.test(`/${target.replace(/^.*@/, '')}`) && near) {
    throw new UsageError(
      `the servers listen on ${near.slice(1)}, where ${target} cannot reach them; ` +
        'give --etcd and --nats, or --config, with addresses that it reaches',
    );
  }
  return { shared, node };
}

/** Loaded only where it is needed: help stays quick. */
async function readCellConfig(file: string) {
  const { loadConfig, sharedConfig } = await import('@troupe/fabric');
  const node = z.record(z.string(), z.unknown()).default({});
  return loadConfig(file, z.strictObject({ ...sharedConfig, node }));
}

const loopback = /[/@](?:127\.[\d.]+|localhost|\[?::1\]?)/;

function printPlaced({ terminal }: Settings, nodes: readonly NodeStatus[]): void {
  terminal.table(
    [
      { title: 'NODE', value: (one) => one.name },
      { title: 'STATE', value: (one) => one.state.kind },
      { title: 'SINCE', value: (one) => since(one.state), numeric: true },
      { title: 'RESTARTS', value: (one) => one.restarts, numeric: true },
      { title: 'PROVIDER', value: (one) => one.provider },
      { title: 'PLACE', value: (one) => one.place },
      { title: 'WHAT', value: said },
    ],
    nodes,
  );
}

function since(state: NodeState): string {
  if (!('sinceMs' in state) || state.sinceMs === undefined) return '';
  return duration(Math.max(0, Date.now() - state.sinceMs));
}

function said({ state }: NodeStatus): string {
  switch (state.kind) {
    case 'running':
      return `${state.incarnation ?? 'not welcomed yet'}, pid ${state.pid}`;
    case 'absent':
      return 'nothing of it lies there: adding it was cut short; add it again, or remove it';
    case 'unknown':
      return `${state.failure.code}: ${state.failure.message}`;
    case 'crash-loop':
      return `exit code ${state.code}; see \`troupe node logs\`, then add it again`;
    default:
      return state.code === undefined ? '' : `exit code ${state.code}`;
  }
}
