/** `troupe demand`: what tasks declare beside what they use, and how well durations are foreseen. */
import type { DemandView } from '@troupe/sdk';
import type { Command } from 'commander';
import { duration } from '../terminal/duration.ts';
import type { Column } from '../terminal/table.ts';
import { withTroupe } from './client.ts';
import { countOf, examples, settingsOf } from './settings.ts';

type ResourceDemand = DemandView['resources'][number];

interface Row {
  /** The task, with its bundle where another one has a task of that name. */
  readonly name: string;
  readonly demand: DemandView;
  /** Undefined for a task that declares nothing and was not measured. */
  readonly use: ResourceDemand | undefined;
}

export function addDemand(program: Command): void {
  program
    .command('demand')
    .description('show what tasks declare, what they really use, and what to declare instead')
    .option('--all', 'of all tenants')
    .option('--limit <n>', 'tasks to show, the worst declared first', '100')
    .addHelpText('after', examples('troupe demand', 'troupe demand --all --json'))
    .action(async (options: { all?: boolean; limit: string }, command: Command) => {
      const limit = countOf('--limit', options.limit, 1);
      const settings = settingsOf(command);
      const { terminal, tenant } = settings;
      const whose = options.all === true ? {} : { tenant };
      const found = await withTroupe(settings, (troupe) => troupe.demands({ ...whose, limit }));
      terminal.answer(found, () => {
        if (found.total === 0) {
          terminal.note('no attempt of a task has ended since the present scheduler leads');
          return;
        }
        terminal.table(columns, rowsOf(found.demands));
        const more = found.total - found.demands.length;
        if (more > 0) terminal.note(`and ${more} more; --limit shows them`);
      });
    });
}

function rowsOf(demands: readonly DemandView[]): readonly Row[] {
  const names = demands.map(({ task }) => task);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) < index));
  return demands.flatMap((demand): Row[] => {
    const { task, bundle, resources } = demand;
    const name = twice.has(task) ? `${task}@${bundle.slice(0, 7)}` : task;
    if (resources.length === 0) return [{ name, demand, use: undefined }];
    return resources.map((use) => ({ name, demand, use }));
  });
}

const columns: readonly Column<Row>[] = [
  { title: 'TASK', value: ({ name }) => name },
  { title: 'RESOURCE', value: ({ use }) => use?.resource ?? '' },
  { title: 'DECLARED', value: ({ use }) => amount(use?.declared), numeric: true },
  { title: 'P50', value: ({ use }) => measured(use, use?.p50), numeric: true },
  { title: 'P95', value: ({ use }) => measured(use, use?.p95), numeric: true },
  { title: 'PROPOSED', value: ({ use }) => amount(use?.proposed), numeric: true },
  { title: 'FAULT', value: ({ use }) => use?.fault?.replace('-declared', '') ?? '' },
  {
    title: 'SAMPLES',
    value: ({ use, demand }) => `${use?.samples ?? 0}/${demand.attempts}`,
    numeric: true,
  },
  { title: 'TAKES', value: ({ demand }) => duration(demand.expectedMs), numeric: true },
  { title: 'ERROR', value: ({ demand }) => errorOf(demand), numeric: true },
];

function measured(use: ResourceDemand | undefined, value: number | undefined): string {
  return use === undefined || use.samples === 0 ? '-' : amount(value);
}

function amount(value: number | undefined): string {
  return value === undefined ? '-' : String(Math.round(value * 1_000) / 1_000);
}

/** Of the estimate of the duration. */
function errorOf({ judged, errorShare }: DemandView): string {
  return judged === 0 ? '-' : `${Math.round(100 * errorShare)} %`;
}
