/**
 * A space-time diagram in text: a column for each process and log, time runs down. A message is a dot
 * where it is sent and an arrow where it arrives, with a letter of its own when other events lie
 * between. Shown is what lies causally before the end, and of that what the end is about; the rest is
 * counted.
 */
import type { Arrow, Note } from '@troupe/virtual';
import { causalPast, type Moment, type Story } from './causal-past.ts';

/** Said all the time, and of no interest here. */
const chatter: ReadonlySet<string> = new Set(['heartbeat', 'here', 'client-lives', 'image-stored']);
/** What moves actors about is of interest whatever the end is about. */
const moves: ReadonlySet<string> = new Set([
  'die',
  'seal',
  'writes node-dying',
  'writes node-sealed',
  'writes term-opened',
]);

const lineMax = 100;
const timeWidth = 11;
const lanesMax = 6;
const laneWidthMax = 26;
/** With fewer events of interest everything is shown. */
const enough = 3;

export interface Ending extends Moment {
  readonly text: string;
}

interface Event {
  readonly at: number;
  readonly kind: 'send' | 'receive' | 'note';
  readonly lane: string;
  /** The other end of an arrow. */
  readonly peer?: string;
  readonly text: string;
  readonly letter: string;
}

export function diagram(story: Story, ending: Ending, rowsMax = 60): readonly string[] {
  const past = causalPast(story, ending);
  const arrows = past.arrows.filter(({ text }) => !chatter.has(verbOf(text)));
  const ids = idsOf(ending.text);
  const focused = arrows.filter((arrow) => moves.has(arrow.text) || isAbout(arrow, ids));
  const chosen = focused.length >= enough ? focused : arrows;
  const kept = new Set(lanesOf(chosen, ending.who));
  const shown = chosen.filter(({ from, to }) => kept.has(from) && kept.has(to));
  const notes = past.notes.filter(
    ({ who, text }) => (who === '*' || kept.has(who)) && !text.endsWith(ending.text),
  );
  const rows = eventsOf(shown, notes).slice(-rowsMax);
  const lanes = inOrder(rows, ending.who);
  const width = Math.min(
    laneWidthMax,
    Math.floor((lineMax - timeWidth) / Math.max(1, lanes.length)),
  );
  const leftOut = story.arrows.length + story.notes.length - countOf(rows);
  const head = lanes.map((lane) => short(lane, width).padEnd(width)).join('');
  return [
    `${leftOut} events are left out: not causally before the end, not about it, or too long ago`,
    `${' '.repeat(timeWidth)}${head}`.trimEnd(),
    ...rows.map((event) => rowOf(event, lanes, width)),
    ...wrapped(`${time(ending.at)}  ✗ ${ending.text}`),
  ];
}

function verbOf(text: string): string {
  const words = text.split(' ');
  return (words[0] === 'writes' ? words[1] : words[0]) ?? text;
}

/** What a text names: actors, tasks, runs, and calls as they stand in a message. */
function idsOf(text: string): readonly string[] {
  const names = text.match(/[\w-]+(?:[/.-][\w-]+)+/g) ?? [];
  const calls = [...text.matchAll(/([\w/-]+):(\d+)/g)];
  return [
    ...calls.map(([, session, number]) => `"${session}","number":${number}`),
    ...names.filter((name) => /\d|\//.test(name) && !/^(node|sched|client)-\d/.test(name)),
  ];
}

function isAbout({ about, text }: Arrow, ids: readonly string[]): boolean {
  return text === 'is read' || ids.some((id) => about.includes(id));
}

/** The processes with the latest events, at most as many as fit. */
function lanesOf(arrows: readonly Arrow[], who: string): readonly string[] {
  const lanes = new Set<string>(who === '*' ? [] : [who]);
  for (const { from, to } of [...arrows].reverse()) {
    for (const name of [to, from]) if (lanes.size < lanesMax) lanes.add(name);
  }
  return [...lanes];
}

function inOrder(events: readonly Event[], who: string): readonly string[] {
  const lanes = new Set<string>();
  for (const { lane, peer } of events) {
    for (const name of [lane, peer]) if (name !== undefined && name !== '*') lanes.add(name);
  }
  if (who !== '*') lanes.add(who);
  return [...lanes].sort((left, right) => rank(left) - rank(right) || (left < right ? -1 : 1));
}

/** Clients, then schedulers, then nodes, then logs. */
function rank(lane: string): number {
  const order = ['client', 'sched', 'journal', 'node', 'turns'];
  const found = order.findIndex((prefix) => lane.startsWith(prefix));
  return found < 0 ? order.length : found;
}

function eventsOf(arrows: readonly Arrow[], notes: readonly Note[]): readonly Event[] {
  const events: (Event & { readonly order: number })[] = [];
  const moments = [...arrows.flatMap(({ sentAt, at }) => [sentAt, at]), ...notes.map((n) => n.at)];
  let letters = 0;
  for (const [order, { from, to, sentAt, at, text, fate }] of arrows.entries()) {
    const between = moments.some((moment) => moment > sentAt && moment < at);
    const letter = between && fate === undefined ? letterOf(letters++) : '';
    const label = letter === '' ? text : `${text} ${letter}`;
    if (fate !== undefined) {
      const lost = `${text} to ${to} ✗ ${fate}`;
      events.push({ at: sentAt, kind: 'send', lane: from, text: lost, letter, order });
      continue;
    }
    if (from === to) {
      events.push({ at: sentAt, kind: 'note', lane: from, text, letter, order });
      continue;
    }
    if (letter !== '') {
      events.push({ at: sentAt, kind: 'send', lane: from, text: label, letter, order });
    }
    events.push({ at, kind: 'receive', lane: to, peer: from, text: label, letter, order });
  }
  const first = Math.min(...events.map(({ at }) => at));
  for (const { at, who, text } of notes) {
    if (at < first) continue;
    events.push({ at, kind: 'note', lane: who, text, letter: '', order: -1 });
  }
  return events.sort((left, right) => left.at - right.at || left.order - right.order);
}

function countOf(events: readonly Event[]): number {
  const sends = events.filter(({ kind, letter }) => kind === 'send' && letter !== '').length;
  return events.length - sends;
}

function letterOf(index: number): string {
  const name = String.fromCharCode(97 + (index % 26));
  return index < 26 ? `(${name})` : `(${name}${Math.floor(index / 26)})`;
}

function rowOf(event: Event, lanes: readonly string[], width: number): string {
  const row = [...lanes.map(() => `│${' '.repeat(width - 1)}`).join('')];
  const write = (column: number, text: string): void => {
    for (const [index, letter] of [...text].entries()) row[column + index] = letter;
  };
  const column = lanes.indexOf(event.lane) * width;
  if (event.kind !== 'receive' || event.peer === undefined) {
    if (column < 0) write(0, `** ${event.text} `);
    else write(column, `${event.kind === 'note' ? '■' : '●'} ${event.text} `);
  } else {
    const start = lanes.indexOf(event.peer) * width;
    const room = Math.abs(column - start) - 1;
    const label = ` ${event.text} `.slice(0, Math.max(0, room - 2));
    const line = start < column ? `─${label}`.padEnd(room - 1, '─') : label.padEnd(room - 1, '─');
    write(Math.min(start, column), start < column ? `○${line}▶●` : `●◀${line}○`);
  }
  return `${time(event.at)}  ${row.join('')}`.slice(0, lineMax).trimEnd();
}

function time(at: number): string {
  return at.toFixed(1).padStart(timeWidth - 2);
}

/** A name that fits into its column, with both its ends. */
function short(name: string, width: number): string {
  if (name.length < width) return name;
  return `${name.slice(0, width - 6)}…${name.slice(-4)}`;
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < lineMax) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(last === undefined ? word : `${' '.repeat(timeWidth + 2)}${word}`);
  }
  return lines;
}
