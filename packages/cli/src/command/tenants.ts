/** `troupe tenants`: who shares the cluster, by what weight and within what limits. */
import {
  isShortName,
  type Quota,
  type StrategyName,
  strategyNames,
  type TenantSettings,
} from '@troupe/model';
import type { TenantOptions, TenantView } from '@troupe/sdk';
import { type Command, Option } from 'commander';
import { duration } from '../terminal/duration.ts';
import type { Column } from '../terminal/table.ts';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { addReservations } from './reservations.ts';
import { examples, settingsOf, shortNameRule } from './settings.ts';
import { unlisted } from './status.ts';

export function addTenants(program: Command): void {
  const tenants = program
    .command('tenants')
    .description('list tenants; add one, or change how it shares the cluster')
    .addHelpText(
      'after',
      examples(
        'troupe tenants',
        'troupe tenants add acme --weight 3 --in-flight 10',
        'troupe tenants reserve acme inference --count 3 --cpu 4 --gpu 1',
      ),
    );

  tenants
    .command('list', { isDefault: true })
    .description('list tenants, what they may use and how they stand')
    .addHelpText('after', examples('troupe tenants list --json'))
    .action(async (_options: object, command: Command) => {
      const settings = settingsOf(command);
      const view = await withTroupe(settings, (troupe) => troupe.status());
      settings.terminal.answer(view.tenants, () => {
        settings.terminal.table(columns, view.tenants);
        const more = unlisted(view);
        if (more !== '') settings.terminal.note(more.replace(/^, and /, ''));
      });
    });

  addPut(tenants, {
    verb: 'add',
    description: 'create a tenant, or change what is named of one that exists',
    existing: false,
    lines: [
      'troupe tenants add acme',
      'troupe tenants add acme --weight 3 --in-flight 10 --cpu 8 --memory 16384',
    ],
  });
  addPut(tenants, {
    verb: 'set',
    description: 'change what is named of a tenant that exists, from now on',
    existing: true,
    lines: [
      'troupe tenants set acme --priority high --starts-per-second 100 --queued 1000',
      'troupe tenants set acme --in-flight none    # lifts the limit',
      'troupe tenants set acme --strategy best-fit # for tasks that name none; none lifts it',
      'troupe tenants set acme --queue reports=3 --queue mails=1',
      'troupe tenants set acme --queue mails=none  # closes the queue',
    ],
  });
  addReservations(tenants);
}

/** Options for limits, in the order in which they are listed. */
const limitOptions = [
  { option: 'in-flight', limit: 'inFlightMax', what: 'attempts that run at once' },
  { option: 'cpu', limit: 'cpuMax', what: 'cpus that its tasks reserve at once' },
  { option: 'memory', limit: 'memoryMax', what: 'MiB of memory that its tasks reserve at once' },
  { option: 'starts-per-second', limit: 'startsPerSecondMax', what: 'starts in a second' },
  { option: 'queued', limit: 'queuedMax', what: 'tasks that wait; more are refused' },
] as const satisfies readonly { option: string; limit: keyof Quota; what: string }[];

interface PutOptions {
  readonly weight?: string;
  readonly priority?: 'low' | 'normal' | 'high';
  readonly queue: readonly string[];
  readonly inFlight?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly startsPerSecond?: string;
  readonly queued?: string;
  readonly strategy?: StrategyName | 'none';
}

function addPut(
  tenants: Command,
  kind: {
    readonly verb: string;
    readonly description: string;
    readonly existing: boolean;
    readonly lines: readonly string[];
  },
): void {
  const command = tenants
    .command(kind.verb)
    .description(kind.description)
    .argument('<name>')
    .option('--weight <number>', 'its share beside the others; 1 for a new one')
    .addOption(
      new Option('--priority <name>', 'multiplies its weight by 3, 2 or 1').choices([
        'high',
        'normal',
        'low',
      ]),
    );
  for (const { option, what } of limitOptions) {
    command.option(`--${option} <number|none>`, `at most so many ${what}`);
  }
  command
    .addOption(
      new Option(
        '--strategy <name|none>',
        'how nodes are chosen for its tasks that name no strategy; none: that of the cluster',
      ).choices([...strategyNames, 'none']),
    )
    .option(
      '--queue <name=weight>',
      'a queue below it, with its share; name=none closes it; may be repeated',
      (text: string, before: readonly string[]) => [...before, text],
      [] as readonly string[],
    )
    .addHelpText('after', examples(...kind.lines))
    .action(async (name: string, options: PutOptions, command: Command) => {
      if (!isShortName(name)) {
        throw new UsageError(`${JSON.stringify(name)} is no name of a tenant: ${shortNameRule}`);
      }
      const asked = { ...tenantOptions(options), existing: kind.existing };
      const settings = settingsOf(command);
      const put = await withTroupe(settings, (troupe) => troupe.putTenant(name, asked));
      settings.terminal.answer(put, () => settings.terminal.line(sentence(put)));
    });
}

function tenantOptions(options: PutOptions): TenantOptions {
  const { weight, priority, strategy } = options;
  const given = [
    options.inFlight,
    options.cpu,
    options.memory,
    options.startsPerSecond,
    options.queued,
  ];
  const quota: { -readonly [L in keyof Quota]: number | null } = {};
  limitOptions.forEach(({ option, limit }, index) => {
    const text = given[index];
    if (text !== undefined) quota[limit] = amountOf(`--${option}`, text);
  });
  return {
    quota,
    queues: queuesOf(options.queue),
    ...(weight === undefined ? {} : { weight: positive('--weight', weight) }),
    ...(priority === undefined ? {} : { priority }),
    ...(strategy === undefined ? {} : { strategy: strategy === 'none' ? null : strategy }),
  };
}

function queuesOf(texts: readonly string[]): { [queue: string]: number | null } {
  const queues = new Map<string, number | null>();
  for (const text of texts) {
    const at = text.indexOf('=');
    const queue = text.slice(0, Math.max(at, 0));
    if (!isShortName(queue)) {
      const what = `--queue ${JSON.stringify(text)} is not name=weight; a name is ${shortNameRule}`;
      throw new UsageError(what);
    }
    if (queues.has(queue)) throw new UsageError(`--queue names ${queue} twice`);
    queues.set(queue, amountOf(`--queue ${queue}=`, text.slice(at + 1)));
  }
  return Object.fromEntries(queues);
}

/** Null for `none`. */
function amountOf(name: string, text: string): number | null {
  return text === 'none' ? null : positive(name, text, ' or "none"');
}

function positive(name: string, text: string, orElse = ''): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`${name} ${JSON.stringify(text)} is no positive number${orElse}`);
}

const columns: readonly Column<TenantView>[] = [
  { title: 'TENANT', value: (one) => one.tenant },
  { title: 'WEIGHT', value: (one) => one.weight, numeric: true },
  { title: 'PRIORITY', value: (one) => one.priority },
  { title: 'WAITING', value: ({ waiting, quota }) => of(waiting, quota.queuedMax), numeric: true },
  {
    title: 'RUNNING',
    value: ({ inFlight, quota }) => of(inFlight, quota.inFlightMax),
    numeric: true,
  },
  { title: 'SHARE', value: ({ behindMs }) => standing(behindMs) },
  { title: 'LIMITS', value: ({ quota }) => otherLimits(quota) },
  { title: 'QUEUES', value: ({ queues }) => queuesText(queues) },
  { title: 'STRATEGY', value: ({ strategy = '' }) => strategy },
];

function of(count: number, most: number | undefined): string {
  return most === undefined ? `${count}` : `${count}/${most}`;
}

/** Those that stand in no column of their own. */
function otherLimits({ inFlightMax: _, queuedMax: __, ...others }: Quota): string {
  return limitsOf(others);
}

/** In time of the whole cluster. */
function standing(behindMs: number): string {
  if (Math.abs(behindMs) < 0.5) return 'even';
  return `${duration(Math.abs(behindMs))} ${behindMs > 0 ? 'behind' : 'ahead'}`;
}

function limitsOf(quota: Quota): string {
  const limits = limitOptions.flatMap(({ option, limit }) => {
    return quota[limit] === undefined ? [] : [`${option} ${quota[limit]}`];
  });
  return limits.join(', ');
}

function queuesText(queues: TenantSettings['queues']): string {
  return queues.map(({ queue, weight }) => `${queue}=${weight}`).join(' ');
}

function sentence(settings: TenantSettings): string {
  const { tenant, weight, priority, quota, queues, strategy } = settings;
  const limits = limitsOf(quota);
  const parts = [
    `weight ${weight}`,
    `priority ${priority}`,
    limits === '' ? 'no limits' : `limits ${limits}`,
    ...(queues.length === 0 ? [] : [`queues ${queuesText(queues)}`]),
    ...(strategy === undefined ? [] : [`strategy ${strategy}`]),
  ];
  return `tenant ${tenant} has ${parts.join('; ')}`;
}
