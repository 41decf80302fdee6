/**
 * When a cron schedule falls due next: a function of the schedule, its time zone and a time of day
 * that is given. The rules of time zones are those of this machine's `Intl`, so whoever must come to
 * the same again records what came out.
 *
 * C1  the next time lies after the one given.
 * C2  where clocks are put forward, what falls into the gap comes right after it; where they are put
 *     back, what has a fixed time of day comes once, at the first of the two.
 */
import { Cron } from 'croner';

/** Longest schedule that is read. */
const cronLengthMax = 128;
/** What stands in the five or six fields. `?` would mean the time of its reading. */
const fields = /^[0-9A-Za-z*,\-/#LW]+(?: +[0-9A-Za-z*,\-/#LW]+){4,5}$/;

/** What is wrong with a schedule, or undefined; `wall` is any time of day. */
export function cronFault(cron: string, zone: string, wall: number): string | undefined {
  if (cron.length > cronLengthMax || !fields.test(cron)) {
    return `"${cron.slice(0, cronLengthMax)}" has not five fields (minute hour day month weekday), nor six with seconds before them`;
  }
  try {
    const next = cronNext({ cron, zone }, wall);
    return next === undefined ? `"${cron}" never comes` : undefined;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return `"${cron}" in time zone "${zone}" cannot be read: ${why}`;
  }
}

/** The first time after `wall`, in wall-clock ms; undefined when there is none. */
export function cronNext(
  { cron, zone }: { readonly cron: string; readonly zone: string },
  wall: number,
): number | undefined {
  const schedule = new Cron(cron, { timezone: zone, mode: '5-or-6-parts' });
  return schedule.nextRun(new Date(wall))?.getTime();
}
