/** Tasks of the chaos suite that hold GPUs of their node: a whole one, a part of one, parts of two, only
 *  on one side of the cluster, or in the place of others. Each attempt tells where it ran, and when. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type TaskContext, type TaskOptions, task } from '@troupe/sdk';
import { type Held, type Hold, markOf, nodeVariable, sideLabel } from './gpus.ts';

const node = process.env[nodeVariable] ?? '';
/** Known from the beginning: a runner that has lost its node has another parent. */
const nodeProcess = `${process.ppid}.${startOf(process.ppid)}`;

async function hold(c: TaskContext, { id, key, ms }: Hold): Promise<Held> {
  const from = now();
  await c.actor('Ledger', key)['add']?.(markOf(id, c.attempt, node));
  await pause(ms, undefined, { signal: c.signal });
  const { attempt, gpus } = c;
  return { node, process: nodeProcess, gpus: [...gpus], attempt, from, until: now() };
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When the process began: a number may be that of another process later. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

const options = { retries: 20, backoffMs: [200], limitMs: 20_000 };
const holdOf = (name: string, gpu: number, placement: TaskOptions['placement'] = {}) =>
  task(name, hold, { ...options, resources: { cpu: 0.01, gpu }, placement });

export const whole = holdOf('whole', 1);
export const half = holdOf('half', 0.5);
export const quarter = holdOf('quarter', 0.25);
export const pair = task('pair', hold, {
  ...options,
  resources: { cpu: 0.01 },
  placement: { gpus: { count: 2, milli: 500 } },
});
export const wholeLeft = holdOf('wholeLeft', 1, {
  nodes: [{ label: sideLabel, op: 'in', values: ['left'] }],
});
export const halfRight = holdOf('halfRight', 0.5, {
  nodes: [{ label: sideLabel, op: 'not-in', values: ['left'] }],
});
export const urgent = holdOf('urgent', 1, { preempts: true });
