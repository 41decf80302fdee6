/** `troupe tenants reserve`, `unreserve` and `reservations`: room that is held for a tenant. */
import { isShortName, type ReservationView } from '@troupe/model';
import type { PlaceOptions, ReservationOptions } from '@troupe/sdk';
import type { Command } from 'commander';
import type { Column } from '../terminal/table.ts';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { examples, settingsOf, shortNameRule } from './settings.ts';

interface ReserveOptions {
  readonly count?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly gpu?: string;
  readonly gpus?: string;
  readonly resource?: readonly string[];
  readonly gpuModel?: readonly string[];
  readonly label?: readonly string[];
  readonly isolation?: string;
  readonly change?: boolean;
}

export function addReservations(tenants: Command): void {
  addReserve(tenants);

  tenants
    .command('unreserve')
    .description('hold that room no longer; what runs in it goes on')
    .argument('<tenant>')
    .argument('<reservation>')
    .addHelpText('after', examples('troupe tenants unreserve acme inference'))
    .action(async (tenant: string, reservation: string, _options: object, command: Command) => {
      checkName('a tenant', tenant);
      checkName('a reservation', reservation);
      const settings = settingsOf(command);
      await withTroupe(settings, (troupe) => troupe.dropReservation(tenant, reservation));
      settings.terminal.answer({ tenant, reservation, dropped: true }, () =>
        settings.terminal.line(`reservation ${reservation} of ${tenant} is held no longer`),
      );
    });

  tenants
    .command('reservations')
    .description('list what is reserved: how much is held, used, and why not more')
    .argument('[tenant]', 'only of this one')
    .addHelpText(
      'after',
      examples('troupe tenants reservations', 'troupe tenants reservations acme --json'),
    )
    .action(async (tenant: string | undefined, _options: object, command: Command) => {
      if (tenant !== undefined) checkName('a tenant', tenant);
      const settings = settingsOf(command);
      const { reservations } = await withTroupe(settings, (troupe) => troupe.status());
      const listed = reservations.filter((each) => tenant === undefined || each.tenant === tenant);
      settings.terminal.answer(listed, () => {
        if (listed.length > 0) return settings.terminal.table(columns, listed);
        settings.terminal.line(tenant === undefined ? 'none' : `none of ${tenant}`);
      });
    });
}

function addReserve(tenants: Command): void {
  const several = (text: string, before: readonly string[] = []) => [...before, text];
  tenants
    .command('reserve')
    .description('hold room for a tenant, in which only its tasks run')
    .argument('<tenant>')
    .argument('<reservation>', 'a name for it')
    .option('--count <number>', 'how many places; each is on one node')
    .option('--cpu <number>', 'cpus of each place')
    .option('--memory <number>', 'MiB of memory of each place')
    .option('--gpu <number>', 'GPUs of each place: whole ones, or a part of one')
    .option('--gpus <NxM>', 'N GPUs, of each M thousandths: 2x500')
    .option('--resource <name=amount>', 'another resource of each; may be repeated', several)
    .option('--gpu-model <name>', 'only these models; may be repeated', several)
    .option('--label <name=value>', 'only nodes with this label; may be repeated', several)
    .option('--isolation <name>', 'only nodes that offer it')
    .option('--change', 'change one that exists; what is not named stays, its shape as a whole')
    .addHelpText(
      'after',
      examples(
        'troupe tenants reserve acme inference --count 3 --cpu 4 --gpu 1',
        'troupe tenants reserve acme shared --count 2 --gpus 2x500 --gpu-model A100',
        'troupe tenants reserve acme edge --count 1 --cpu 2 --memory 4096 --label zone=eu',
        'troupe tenants reserve acme inference --change --count 5',
      ),
    )
    .action(reserve);
}

async function reserve(
  tenant: string,
  reservation: string,
  options: ReserveOptions,
  command: Command,
): Promise<void> {
  checkName('a tenant', tenant);
  checkName('a reservation', reservation);
  const asked = reservationOptions(options);
  const settings = settingsOf(command);
  const view = await withTroupe(settings, (troupe) =>
    troupe.putReservation(tenant, reservation, asked),
  );
  settings.terminal.answer(view, () => settings.terminal.line(sentence(view)));
}

function reservationOptions(options: ReserveOptions): ReservationOptions {
  const { count, change = false } = options;
  const place = placeOf(options);
  if (!change && count === undefined) throw new UsageError('--count says how many places to hold');
  if (!change && place === undefined) {
    throw new UsageError('say what a place holds, by --cpu, --memory, --gpu, --gpus or --resource');
  }
  return {
    existing: change,
    ...(count === undefined ? {} : { count: wholeNumber('--count', count) }),
    ...(place === undefined ? {} : { place }),
  };
}

/** Nothing when no option says anything of the shape. */
function placeOf(options: ReserveOptions): PlaceOptions | undefined {
  const { cpu, memory, gpu, gpus, isolation, resource = [], gpuModel = [], label = [] } = options;
  const given = Object.entries({ cpu, memory, gpu }).flatMap(([name, text]) => {
    return text === undefined ? [] : [[name, positive(`--${name}`, text)] as const];
  });
  const named = pairsOf('--resource', resource).map(([name, text]) => {
    return [name, positive(`--resource ${name}=`, text)] as const;
  });
  const amounts = [...given, ...named];
  const resources = Object.fromEntries(amounts);
  if (Object.keys(resources).length < amounts.length) {
    throw new UsageError('one resource is named twice');
  }
  const labels = Object.fromEntries(pairsOf('--label', label));
  const place: PlaceOptions = {
    ...(amounts.length === 0 ? {} : { resources }),
    ...(gpus === undefined ? {} : { gpus: partsOf(gpus) }),
    ...(gpuModel.length === 0 ? {} : { gpuModels: gpuModel }),
    ...(label.length === 0 ? {} : { labels }),
    ...(isolation === undefined ? {} : { isolation }),
  };
  return Object.keys(place).length === 0 ? undefined : place;
}

function pairsOf(option: string, texts: readonly string[]): [string, string][] {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at <= 0 || at === text.length - 1) {
      throw new UsageError(`${option} ${JSON.stringify(text)} is not name=value`);
    }
    return [text.slice(0, at), text.slice(at + 1)];
  });
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) {
    throw new UsageError(`${option} has one name twice`);
  }
  return pairs;
}

function partsOf(text: string): { count: number; milli: number } {
  const [, count, milli] = /^(\d{1,6})x(\d{1,4})$/.exec(text) ?? [];
  if (count !== undefined && milli !== undefined) {
    return { count: Number(count), milli: Number(milli) };
  }
  const what = `--gpus ${JSON.stringify(text)} is not a count, x and thousandths, like 2x500`;
  throw new UsageError(what);
}

function wholeNumber(option: string, text: string): number {
  const value = positive(option, text);
  if (Number.isSafeInteger(value)) return value;
  throw new UsageError(`${option} ${JSON.stringify(text)} is no whole number`);
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`${option} ${JSON.stringify(text)} is no positive number`);
}

function checkName(what: string, name: string): void {
  if (isShortName(name)) return;
  throw new UsageError(`${JSON.stringify(name)} is no name of ${what}: ${shortNameRule}`);
}

const columns: readonly Column<ReservationView>[] = [
  { title: 'TENANT', value: (one) => one.tenant },
  { title: 'RESERVATION', value: (one) => one.reservation },
  { title: 'HELD', value: ({ held, count }) => `${held}/${count}`, numeric: true },
  { title: 'USED', value: (one) => one.used, numeric: true },
  { title: 'EACH', value: ({ shape }) => shapeText(shape) },
  { title: 'WHY', value: ({ why = '' }) => why },
];

function shapeText({ resources, placement = {} }: ReservationView['shape']): string {
  const { gpus, gpuModels = [], nodes = [], isolation } = placement;
  const labels = nodes.flatMap((each) =>
    each.op === 'in' ? [`${each.label}=${each.values.join('|')}`] : [],
  );
  return [
    ...Object.entries(resources).map(([name, amount]) => `${name} ${amount}`),
    ...(gpus === undefined ? [] : [`gpus ${gpus.count}x${gpus.milli}`]),
    ...gpuModels,
    ...labels,
    ...(isolation === undefined ? [] : [isolation]),
  ].join(', ');
}

function sentence(view: ReservationView): string {
  const { tenant, reservation, held, count, used, why } = view;
  const places = `${held} of ${count} ${count === 1 ? 'place' : 'places'}`;
  const state = why === undefined ? `${places} held` : why;
  return `reservation ${reservation} of ${tenant}: ${state}, ${used} used`;
}
