/**
 * Timers: each that was set comes as often as was asked for, and none before its time; one that was
 * cancelled while it waited does not come, nor does one that was surely not set.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import {
  byKey,
  type Evidence,
  type Finding,
  finalOf,
  inputOf,
  told,
  type Verdict,
} from './verdict.ts';

const came = z.array(z.tuple([z.string(), z.number()]));
const set = z.object({ times: z.number() });
const cancel = z.object({ of: z.string() });
/** What rounding may take away. */
const roundingMs = 2;

export function timersOnce(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, all] of byKey(operations)) {
    const find = (kind: Finding['kind'], what: string, id: string) =>
      findings.push({ kind, promise, key, what, operations: [id] });
    const seen = came.safeParse(finalOf(finals, key));
    if (!seen.success) {
      find('wrong', 'its final state was not read', all[0]?.id ?? '');
      continue;
    }
    const times = new Map<string, number>();
    for (const [id, lateMs] of seen.data) {
      times.set(id, (times.get(id) ?? 0) + 1);
      if (lateMs < -roundingMs) find('wrong', `${id} came ${-lateMs} ms before its time`, id);
    }
    const cancels = cancelsOf(all);
    for (const operation of all) {
      if (operation.action === 'cancel') continue;
      checkTimer(operation, times.get(operation.id) ?? 0, cancels.get(operation.id), find);
      times.delete(operation.id);
    }
    for (const id of times.keys()) find('wrong', `${id} came, and nobody asked for it`, id);
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

type Find = (kind: Finding['kind'], what: string, id: string) => void;

function checkTimer(timer: Operation, count: number, cancelled: Cancelled, find: Find): void {
  const { times } = inputOf(set, timer);
  const { outcome, id } = timer;
  if (count > times) return find('doubled', `${told(timer)} came ${count} times of ${times}`, id);
  if (outcome === 'failed') {
    if (count > 0) find('wrong', `${told(timer)} was said not to be set, and came`, id);
    return;
  }
  if (cancelled === 'yes') {
    if (count > 0) find('wrong', `${told(timer)} came, and was cancelled while it waited`, id);
    return;
  }
  const isUnknown = cancelled === 'perhaps' || (outcome === 'unknown' && count === 0);
  if (count < times && !isUnknown) {
    find('lost', `${told(timer)} came ${count} times of ${times}`, id);
  }
}

/** Whether a timer was cancelled while it waited. */
type Cancelled = 'yes' | 'perhaps' | undefined;

function cancelsOf(operations: readonly Operation[]): ReadonlyMap<string, Cancelled> {
  const cancels = new Map<string, Cancelled>();
  for (const operation of operations) {
    if (operation.action !== 'cancel') continue;
    const { of } = inputOf(cancel, operation);
    if (operation.outcome === 'ok') cancels.set(of, operation.output === true ? 'yes' : undefined);
    else if (operation.outcome === 'unknown') cancels.set(of, 'perhaps');
  }
  return cancels;
}
