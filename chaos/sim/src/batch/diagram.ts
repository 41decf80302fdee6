/** A causal diagram in text: a column for each process, a line for each message. */
import type { Arrow } from '../world/trace.ts';

const width = 18;
const lanesMax = 8;
/** Said all the time, and of no interest here. */
const chatter: ReadonlySet<string> = new Set(['heartbeat', 'here', 'node-gone']);

export function diagram(arrows: readonly Arrow[], last: number): readonly string[] {
  const told = arrows.filter(({ text }) => !chatter.has(text)).slice(-last);
  const lanes = [...new Set(told.flatMap(({ from, to }) => [from, to]))].slice(-lanesMax);
  const head = lanes.map((lane) => lane.slice(0, width - 1).padEnd(width)).join('');
  const rows = told.flatMap((arrow) => {
    const row = rowOf(arrow, lanes);
    return row === undefined ? [] : [row];
  });
  return [`${' '.repeat(11)}${head}`, ...rows];
}

function rowOf(
  { at, from, to, text, arrived }: Arrow,
  lanes: readonly string[],
): string | undefined {
  const start = lanes.indexOf(from);
  const end = lanes.indexOf(to);
  if (start < 0 || end < 0 || start === end) return undefined;
  const [left, right] = start < end ? [start, end] : [end, start];
  const line = lanes.map((_, lane) => (lane === 0 ? '│' : `${' '.repeat(width - 1)}│`)).join('');
  const from0 = left * width + 1;
  const room = (right - left) * width - 1;
  const label = ` ${text} `.slice(0, room - 2).padEnd(room - 1, '─');
  const tip = arrived ? (start < end ? '▶' : '◀') : '✗';
  const body = start < end ? `${label}${tip}` : `${tip}${label}`;
  return `${at.toFixed(1).padStart(9)}  ${line.slice(0, from0)}${body}${line.slice(from0 + room)}`;
}
