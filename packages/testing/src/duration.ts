/** Lengths of time as people write them. */
import { troupeError } from '@troupe/model';

/** Milliseconds, or a text such as `250ms`, `10s`, `5m`, `1h30m`, `3d`. */
export type Duration = number | string;

const unitMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const whole = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

export function millisecondsOf(duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : millisecondsIn(duration);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const text = `${JSON.stringify(duration)} is no length of time: give ms, or such as "10s" or "3d"`;
  throw troupeError('INVALID_ARGUMENT', text, { argument: 'duration' });
}

function millisecondsIn(text: string): number {
  if (!whole.test(text)) return Number.NaN;
  let ms = 0;
  for (const [, amount, unit = ''] of text.matchAll(part)) {
    ms += Number(amount) * (unitMs.get(unit) ?? Number.NaN);
  }
  return ms;
}
