/**
 * Rollouts: a diary holds each acknowledged id once, taken in by the version that was answered; its state came to each
 * version once and in order, and was never given to code of another; when a rollout is done, whoever has not gone over
 * is among those that are said to have failed, or to have a turn that runs; the last rollout is done in the end.
 */
import { z } from 'zod';
import { effectOnce } from './effect-once.ts';
import { type Evidence, type Finding, finalOf, told, type Verdict } from './verdict.ts';

const diary = z.object({
  entries: z.array(z.tuple([z.string(), z.number()])),
  versions: z.array(z.number()),
});
const rolled = z.object({ elsewhere: z.number(), underWay: z.number(), failed: z.number() });

export function goesOverWhole(promise: string, { operations, finals }: Evidence): Verdict {
  const isRoll = ({ action }: { readonly action: string }) => action === 'roll';
  const writes = operations.filter((one) => !isRoll(one));
  const ledgers = finals.map((final) => {
    const read = diary.safeParse(final.value);
    return { ...final, value: read.success ? read.data.entries.map(([id]) => id) : undefined };
  });
  const once = effectOnce(promise, { operations: writes, finals: ledgers });
  const findings: Finding[] = [...once.findings];
  const find = (key: string, what: string, operations: readonly string[]) =>
    findings.push({ kind: 'wrong', promise, key, what, operations });
  for (const { key, value } of finals) {
    const read = diary.safeParse(value);
    if (!read.success) continue;
    const { entries, versions } = read.data;
    if (!rises(versions)) find(key, `its state came to the versions ${versions.join(', ')}`, []);
    const bys = entries.map(([, by]) => by);
    const back = entries.find(([, by], at) => by < (bys[at - 1] ?? 0));
    if (back !== undefined) find(key, `${back[0]} was taken in by an older version`, [back[0]]);
    const stray = entries.find(([, by]) => !versions.includes(by));
    if (stray !== undefined) {
      find(key, `${stray[0]} was taken in by ${stray[1]}, which its state never came to`, []);
    }
  }
  for (const one of writes) {
    if (one.code === 'USER_ERROR') find(one.key, `${told(one)}: ${one.message}`, [one.id]);
    if (one.outcome !== 'ok') continue;
    const read = diary.safeParse(finalOf(finals, one.key));
    const by = read.data?.entries.find(([id]) => id === one.id)?.[1];
    if (by === undefined || by === one.output) continue;
    find(one.key, `${told(one)} was answered by ${one.output}, taken in by ${by}`, [one.id]);
  }
  const rolls = operations.filter(isRoll);
  for (const one of rolls) {
    // It was not done in time: the faults went on.
    if (one.outcome !== 'ok' || one.output === undefined) continue;
    const fault = faultOf(one.output);
    if (fault !== undefined) find(one.key, `${told(one)} ${fault}`, [one.id]);
  }
  const [first] = rolls;
  const fault = first && faultOf(finalOf(finals, first.key));
  if (fault !== undefined) find(first?.key ?? '', `the last rollout ${fault}`, []);
  return { promise, checked: operations.length, undecided: 0, findings };
}

function rises(versions: readonly number[]): boolean {
  return versions.every((version, at) => at === 0 || version > (versions[at - 1] ?? 0));
}

function faultOf(output: unknown): string | undefined {
  const counts = rolled.safeParse(output);
  if (!counts.success) return `was not seen done: ${JSON.stringify(output)}`;
  const { elsewhere, underWay, failed } = counts.data;
  if (elsewhere <= underWay + failed) return undefined;
  return `left ${elsewhere} behind: ${failed} failed, ${underWay} are under way`;
}
