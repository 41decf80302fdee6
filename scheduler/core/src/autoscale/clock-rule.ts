/**
 * `min 10 on weekdays 8-18`: a floor while the clock says so. Between the hours may stand the dash that is
 * printed there, too. They are half open (at 18:00 it is over) and may pass midnight (`22-6` belongs to the
 * day on which it begins).
 */
export interface ClockRule {
  readonly text: string;
  readonly size: number;
  /** 0 is Sunday. */
  readonly days: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** What the clock shows where the rule is meant. */
export interface LocalTime {
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly minute: number;
}

const dayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const dayGroups: Readonly<Record<string, readonly number[]>> = {
  days: [0, 1, 2, 3, 4, 5, 6],
  weekdays: [1, 2, 3, 4, 5],
  weekends: [0, 6],
};
const form =
  /^min (\d{1,6}) on (\w+(?:,\w+)*)(?: (\d{1,2})(?::(\d\d))?[-–](\d{1,2})(?::(\d\d))?)?$/;
const dayMinutes = 24 * 60;

/** The rule, or what is wrong with its text. */
export function clockRule(text: string): ClockRule | { readonly fault: string } {
  const parts = form.exec(text.trim().toLowerCase());
  if (parts === null) return fault(text, 'it has the form "min 10 on weekdays 8-18"');
  const [, size, named = '', ...hours] = parts;
  const days: number[] = [];
  for (const name of named.split(',')) {
    const group = Object.hasOwn(dayGroups, name) ? dayGroups[name] : single(name);
    if (group === undefined) return fault(text, `"${name}" is no day; say weekdays or monday`);
    days.push(...group);
  }
  const fromMinute = minuteOf(hours[0] ?? '0', hours[1]);
  const toMinute = minuteOf(hours[2] ?? '24', hours[3]);
  // From midnight to midnight is no time, but for a whole day.
  const isNever = fromMinute === toMinute || (fromMinute === dayMinutes && toMinute === 0);
  if (fromMinute === undefined || toMinute === undefined || isNever)
    return fault(text, 'its hours go from 0 to 24 and differ');
  return { text, size: Number(size), days, fromMinute, toMinute };
}

export function isOn(rule: ClockRule, { weekday, minute }: LocalTime): boolean {
  const { days, fromMinute, toMinute } = rule;
  if (fromMinute < toMinute)
    return days.includes(weekday) && minute >= fromMinute && minute < toMinute;
  const began = minute >= fromMinute && days.includes(weekday);
  return began || (minute < toMinute && days.includes((weekday + 6) % 7));
}

function single(name: string): readonly number[] | undefined {
  const day = dayNames.findIndex((one) => one === name || one.slice(0, 3) === name);
  return day < 0 ? undefined : [day];
}

function minuteOf(hour: string, minute = '0'): number | undefined {
  const total = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && total <= dayMinutes ? total : undefined;
}

function fault(text: string, why: string): { readonly fault: string } {
  return { fault: `clock rule "${text}" is refused: ${why}` };
}
