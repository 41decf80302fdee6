/**
 * Where a command's answer goes: for people or, with `--json`, exactly one JSON value on standard
 * output. Notes and errors go to standard error. Colours only for people at a terminal.
 */
import { stripVTControlCharacters, styleText } from 'node:util';
import { type Column, clean, cut, tableLines } from './table.ts';

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

export interface Terminal {
  readonly json: boolean;
  /** True when a person watches and a line may be rewritten. */
  readonly live: boolean;
  /** The answer: `value` with `--json`, else what `people` prints. */
  answer(value: unknown, people: () => void): void;
  line(text?: string): void;
  /** A line beside the answer; on standard error, so that the answer stays clean. */
  note(text: string): void;
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void;
  paint(style: Style, text: string): string;
  /** Writes over the line it wrote last; only where `live`. */
  rewrite(text: string): void;
  /** The text cut to the width of the terminal. */
  fit(text: string): string;
}

export function terminal(json: boolean): Terminal {
  const stdout = process.stdout;
  const coloured = paintable();
  const widthNow = () => (stdout.isTTY ? stdout.columns : Number(process.env['COLUMNS']) || 0);
  let rewritten = false;
  const line = (text = '') => {
    stdout.write(`${text}\n`);
  };
  const paint = (style: Style, text: string) => (coloured ? styleText(style, text) : text);
  return {
    json,
    live: stdout.isTTY === true && !json && process.env['TERM'] !== 'dumb',
    answer(value, people) {
      if (json) line(JSON.stringify(jsonable(value)));
      else people();
    },
    line,
    note(text) {
      // A live line stands on the terminal: the note takes its place.
      if (rewritten) stdout.write(eraseLine);
      rewritten = false;
      // Colours are those of standard output, and a file may be what takes the notes.
      const told = process.stderr.isTTY ? text : stripVTControlCharacters(text);
      process.stderr.write(`${told}\n`);
    },
    rewrite(text) {
      const width = widthNow();
      const fitted = width > 0 ? cut(clean(text), width - 1) : clean(text);
      stdout.write(`${eraseLine}${fitted}`);
      rewritten = fitted !== '';
    },
    table(columns, rows) {
      const [head = '', ...rest] = tableLines(columns, rows, widthNow());
      line(paint('bold', head));
      for (const text of rest) line(text);
    },
    paint,
    fit: (text) => (widthNow() > 0 ? cut(clean(text), widthNow()) : clean(text)),
  };
}

const eraseLine = '\r\u001b[2K';

function paintable(): boolean {
  const { NO_COLOR, TERM } = process.env;
  return process.stdout.isTTY === true && TERM !== 'dumb' && (NO_COLOR ?? '') === '';
}

/** The value as JSON can say it: bytes as base64, a bigint as text, `undefined` as null. */
export function jsonable(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(jsonable);
  const plain: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== undefined) plain[key] = jsonable(inner);
  }
  return plain;
}

/** A value for people: text as it is, anything else as JSON. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(jsonable(value), null, 2);
}
