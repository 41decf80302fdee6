/** `troupe status` and `troupe nodes`: the cluster as its leader sees it. */
import type { ClusterView, NodeView } from '@troupe/model';
import type { Command } from 'commander';
import { duration } from '../terminal/duration.ts';
import type { Column } from '../terminal/table.ts';
import type { Style, Terminal } from '../terminal/terminal.ts';
import { withTroupe } from './client.ts';
import { examples, settingsOf } from './settings.ts';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('show leader, nodes, tenants, bundles and counts')
    .addHelpText(
      'after',
      examples('troupe status', 'troupe status --json', 'troupe status --cell eu'),
    )
    .action(async (_options: object, command: Command) => {
      const settings = settingsOf(command);
      const view = await withTroupe(settings, (troupe) => troupe.status());
      settings.terminal.answer(view, () => printStatus(settings.terminal, view));
    });

  program
    .command('nodes')
    .description('list the nodes and what they carry')
    .option('--all', 'also what is left of incarnations that are gone')
    .addHelpText('after', examples('troupe nodes', 'troupe nodes --all', 'troupe nodes --json'))
    .action(async (options: { all?: boolean }, command: Command) => {
      const settings = settingsOf(command);
      const { nodes } = await withTroupe(settings, (troupe) => troupe.status());
      settings.terminal.answer(nodes, () =>
        printNodes(settings.terminal, nodes, options.all === true),
      );
    });
}

/** One line for a person who watches. */
export function summary({ nodes, counts }: ClusterView): string {
  const there = nodes.filter((node) => node.state !== 'gone');
  const alive = there.filter((node) => node.state === 'alive').length;
  return (
    `${alive} of ${many(there.length, 'node')} alive, ${many(counts.actors, 'actor')}, ` +
    `${many(counts.tasksRunning, 'task')} running, ${counts.tasksQueued} queued, ` +
    many(counts.runs, 'run')
  );
}

function printStatus(terminal: Terminal, view: ClusterView): void {
  const { term, counts } = view;
  const line = (name: string, text: string) =>
    terminal.line(terminal.fit(`${name.padEnd(9)} ${text}`));
  line('cell', `${view.cell} (version ${view.version})`);
  line('leader', `${view.leader}, term ${term.generation}.${term.number}`);
  line('work', summary(view));
  line(
    'fencing',
    `${many(counts.nodesLost, 'node')} lost, ${many(counts.appendsRefused, 'append')} refused, ` +
      `${counts.repliesWithheld} answers withheld`,
  );
  line('tenants', `${view.tenants.map(shareOf).join(', ')}${unlisted(view)}`);
  for (const finding of view.findings ?? []) terminal.line(`${'finding'.padEnd(9)} ${finding}`);
  for (const { group, size, ready, starting, reason } of view.groups ?? []) {
    const there = starting === 0 ? `${ready}` : `${ready} and ${starting} joining`;
    terminal.line(`${'group'.padEnd(9)} ${group}: ${size} wanted, ${there} there; ${reason}`);
  }
  if (view.givenUp !== undefined) {
    const { measures, reason } = view.givenUp;
    terminal.line(`${'given up'.padEnd(9)} ${measures.join(', ')}: ${reason}`);
  }
  if (view.rebalance !== undefined) printRebalance(terminal, view.rebalance);
  for (const { tenant, reservation, held, count, used, why } of view.reservations) {
    line(
      'reserved',
      `${tenant} ${reservation}: ${why ?? `${held} of ${count} held`}, ${used} used`,
    );
  }
  terminal.line();
  printNodes(terminal, view.nodes, false);
  if (view.bundles.length === 0) return;
  terminal.line();
  terminal.table(
    [
      { title: 'BUNDLE', value: (one) => one.bundle.slice(0, 12) },
      { title: 'TENANT', value: (one) => one.tenant },
      { title: 'ACTORS', value: (one) => one.actors.join(' ') },
      { title: 'TASKS', value: (one) => one.tasks.join(' ') },
      { title: 'WORKFLOWS', value: (one) => one.workflows.join(' ') },
    ],
    view.bundles,
  );
}

/** What the leader made of the load of the nodes, whole: it is what an operator looks for. */
function printRebalance(terminal: Terminal, view: NonNullable<ClusterView['rebalance']>): void {
  const { lookedMsAgo, why, moves, underWay } = view;
  const ago = `${duration(lookedMsAgo)} ago`;
  terminal.line(`${'balance'.padEnd(9)} ${ago}: ${why}; ${underWay} on their way`);
  for (const { actor, from, to } of moves) {
    terminal.line(`${'moved'.padEnd(9)} ${actor}: ${from} to ${to}`);
  }
}

/** A tenant with its base weight, and its priority where it is not the usual one. */
function shareOf({ tenant, weight, priority }: ClusterView['tenants'][number]): string {
  return `${tenant} (${priority === 'normal' ? '' : `${priority} × `}${weight})`;
}

/** How many tenants the list leaves out. */
export function unlisted({ tenants, counts }: ClusterView): string {
  const more = counts.tenants - tenants.length;
  return more > 0 ? `, and ${more} more` : '';
}

const stateStyles: { readonly [S in NodeView['state']]: Style } = {
  joining: 'yellow',
  alive: 'green',
  draining: 'yellow',
  dying: 'red',
  gone: 'red',
};

function printNodes(terminal: Terminal, nodes: readonly NodeView[], all: boolean): void {
  const shown = nodes.filter((node) => all || node.state !== 'gone');
  const used = (name: string, title: string): Column<NodeView> => ({
    title,
    value: (node) => `${amount(node.used[name])}/${amount(node.resources[name])}`,
    numeric: true,
  });
  terminal.table<NodeView>(
    [
      { title: 'NODE', value: (node) => node.name },
      {
        title: 'STATE',
        value: (node) => (node.cordoned === true ? `${node.state}, cordoned` : node.state),
        paint: (cell, node) => terminal.paint(stateStyles[node.state], cell),
      },
      { title: 'ACTORS', value: (node) => node.actors, numeric: true },
      { title: 'TASKS', value: (node) => node.tasks, numeric: true },
      used('cpu', 'CPU'),
      used('memory', 'MEM MiB'),
      { title: 'HEARD', value: (node) => duration(node.silentMs), numeric: true },
      { title: 'INCARNATION', value: (node) => node.incarnation },
      { title: 'LABELS', value: labelsOf },
    ],
    // What is left of nodes that are gone comes last.
    shown.toSorted(
      (left, right) =>
        Number(left.state === 'gone') - Number(right.state === 'gone') ||
        left.name.localeCompare(right.name, 'en', { numeric: true }),
    ),
  );
  const gone = nodes.length - shown.length;
  if (gone > 0)
    terminal.line(`${many(gone, 'incarnation')} gone; \`troupe nodes --all\` shows them`);
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function amount(value: number | undefined): string {
  return String(Math.round((value ?? 0) * 100) / 100);
}

function labelsOf(node: NodeView): string {
  return Object.entries(node.labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
