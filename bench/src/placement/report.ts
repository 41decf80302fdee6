/** The figures of placement for people, as Markdown tables. */
import type { Measured } from './experiment.ts';
import { type List, lists } from './protocol.ts';
import { unallocated } from './published.ts';
import type { Speed } from './speed.ts';

export interface Report {
  readonly measured: readonly Measured[];
  readonly speeds: readonly (Speed & { readonly strategy: string })[];
  readonly seeds: number;
}

export function tables({ measured, speeds, seeds }: Report): string {
  return `${allocation(measured, seeds)}\n\n${power(measured)}\n\n${speed(speeds)}`;
}

function allocation(measured: readonly Measured[], seeds: number): string {
  const rows = policiesOf(measured).map((policy) => {
    const cells = lists.map((list) => {
      const allocated = find(measured, policy, list)?.allocated;
      const [at100, at130] = [allocated?.[100], allocated?.[130]];
      if (at100 === undefined || at130 === undefined) return '–';
      return `${fixed(at100.mean)} ± ${fixed(at100.deviation)} / ${fixed(at130.mean)}`;
    });
    return `| ${policy} | ${cells.join(' | ')} |`;
  });
  const published = Object.entries(unallocated).map(([policy, row]) => {
    const cells = lists.map((list) => row[list].map((left) => fixed(100 - left)).join(' / '));
    return `| ${policy}, published | ${cells.join(' | ')} |`;
  });
  return `GPUs allocated, percent, when 100 % (± standard deviation) / 130 % of them were asked for; mean of
${seeds} seeds. The 1,213 nodes join in an order shuffled by the seed, so no name decides; equal scores go
to the node that joined first. gpu-fragmentation-aware scores in whole hundredths, then prefers a node
in use, then one with fewer GPUs. "FGD written anew" is the published policy in code of its own, ties by name, on the same
arrivals. Locality, without data to be near to, is first-fit.

| policy | ${lists.join(' | ')} |
| --- | ${lists.map(() => '---').join(' | ')} |
${[...rows, ...published].join('\n')}`;
}

const levels = [20, 40, 60, 80];

function power(measured: readonly Measured[]): string {
  const base = find(measured, 'FGD written anew', 'default');
  const rows = policiesOf(measured).map((policy) => {
    const own = find(measured, policy, 'default');
    const cells = levels.map((level) => {
      const [kilowatts, before] = [own?.kilowatts[level], base?.kilowatts[level]];
      if (kilowatts === undefined) return '–';
      const saved = before === undefined ? '' : ` (${signed(1 - kilowatts.mean / before.mean)})`;
      return `${kilowatts.mean.toFixed(0)}${saved}`;
    });
    return `| ${policy} | ${cells.join(' | ')} | ${fixed(own?.allocated[100]?.mean)} |`;
  });
  return `Kilowatts when so much of the GPUs was asked for, against FGD in the same run; list default. The
energy-aware strategy minimises added watts until 62 % of the GPUs are reserved, then fragmentation.

| policy | ${levels.map((level) => `${level} %`).join(' | ')} | allocated at 100 % |
| --- | ${levels.map(() => '---').join(' | ')} | --- |
${rows.join('\n')}`;
}

function speed(speeds: Report['speeds']): string {
  const rows = speeds.map((each) => {
    const rates = [each.decisionsPerSecond, each.decisionsPerCpuSecond].map((rate) =>
      rate.toLocaleString('en'),
    );
    const figures = [...rates, each.p50Us, each.p99Us, each.decisions.toLocaleString('en')];
    return `| ${each.strategy} | ${each.nodes.toLocaleString('en')} | ${figures.join(' | ')} |`;
  });
  return `Decisions: the trace's nodes many times over, filled to 85 % of the GPUs, then the oldest task ends
and the next is placed. One thread; a second of its own cpu time is what a quiet core would give.

| strategy | nodes | decisions/s | per cpu second | p50 µs | p99 µs | decisions |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`;
}

function policiesOf(measured: readonly Measured[]): string[] {
  return [...new Set(measured.map(({ policy }) => policy))];
}

function find(measured: readonly Measured[], policy: string, list: List): Measured | undefined {
  return measured.find((each) => each.policy === policy && each.list === list);
}

function fixed(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(2);
}

function signed(part: number): string {
  return `${part >= 0 ? '−' : '+'}${Math.abs(100 * part).toFixed(1)} %`;
}
