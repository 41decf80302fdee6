/**
 * Tables that fit a terminal.
 *
 * T1  no line is wider than the width asked for; what is cut ends in `…`.
 * T2  numbers and ids to be typed again are cut last, since cut ones lie; of columns alike the one
 *     further right is cut first, since the first ones name the row.
 */
import stringWidth from 'string-width';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
  /** Right-aligned and cut last. */
  readonly numeric?: boolean;
  /** Cut last. */
  readonly whole?: boolean;
  /** Paints the finished cell; must not change its width. */
  readonly paint?: (cell: string, row: Row) => string;
}

const gap = 2;
/** A narrower column tells nothing: the whole line is cut instead. */
const widthMin = 4;

/** Lines of the table; `width` 0 means without bound. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): string[] {
  const cells = rows.map((row) => columns.map((column) => clean(String(column.value(row)))));
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.title), ...cells.map((line) => stringWidth(line[index] ?? ''))),
  );
  if (width > 0) shrink(columns, widths, width);
  const head = columns.map((column, index) => fit(column, column.title, widths[index] ?? 0));
  const lines = [head.join('  ')];
  rows.forEach((row, r) => {
    const line = columns.map((column, index) => {
      const cell = fit(column, cells[r]?.[index] ?? '', widths[index] ?? 0);
      return column.paint === undefined ? cell : column.paint(cell, row);
    });
    lines.push(line.join('  '));
  });
  const overflows = width > 0 && total(widths) > width;
  return lines.map((line) => (overflows ? cut(plain(line), width) : line).trimEnd());
}

/** The text in at most `width` columns of a terminal; the last one is `…` when it was longer. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  if (width <= 0) return '';
  let kept = '';
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const wide = stringWidth(segment);
    if (used + wide > width - 1) break;
    kept += segment;
    used += wide;
  }
  return `${kept}…`;
}

/** Without control characters, which could break the line or move the cursor. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

function shrink<Row>(columns: readonly Column<Row>[], widths: number[], width: number): void {
  for (const last of [false, true]) {
    while (total(widths) > width) {
      const widest = widestOf(columns, widths, last);
      if (widest < 0) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
    }
  }
}

function widestOf<Row>(
  columns: readonly Column<Row>[],
  widths: readonly number[],
  last: boolean,
): number {
  let widest = -1;
  columns.forEach((column, index) => {
    if (
      (column.numeric === true || column.whole === true) !== last ||
      (widths[index] ?? 0) <= widthMin
    )
      return;
    if (widest < 0 || (widths[index] ?? 0) >= (widths[widest] ?? 0)) widest = index;
  });
  return widest;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * (widths.length - 1);
}

function fit<Row>(column: Column<Row>, text: string, width: number): string {
  const short = cut(text, width);
  const pad = ' '.repeat(Math.max(0, width - stringWidth(short)));
  return column.numeric === true ? pad + short : short + pad;
}

/** Without colours, so that cutting never leaves one switched on. */
function plain(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of a colour is one
  return line.replace(/\u001b\[[0-9;]*m/g, '');
}
