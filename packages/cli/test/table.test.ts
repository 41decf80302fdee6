import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { type Column, cut, tableLines } from '../src/terminal/table.ts';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly text: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', value: (row) => row.name },
  { title: 'COUNT', value: (row) => row.count, numeric: true },
  { title: 'TEXT', value: (row) => row.text },
];

const rows: readonly Row[] = [
  { name: 'default/Librarian/team-7', count: 12, text: 'reads the papers of the week' },
  { name: 'n1', count: 123_456, text: 'x' },
];

describe('a table', () => {
  it('shows everything when there is room', () => {
    expect(tableLines(columns, rows, 0)).toEqual([
      'NAME                       COUNT  TEXT',
      'default/Librarian/team-7      12  reads the papers of the week',
      'n1                        123456  x',
    ]);
  });

  it('T1: cuts with … and never goes beyond the width', () => {
    const lines = tableLines(columns, rows, 40);
    expect(lines).toEqual([
      'NAME              COUNT  TEXT',
      'default/Librar…      12  reads the pape…',
      'n1               123456  x',
    ]);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(40);
  });

  it('T2: cuts words before it cuts a number', () => {
    const lines = tableLines(columns, rows, 18);
    expect(lines[2]).toContain('123456');
  });

  it('T2: cuts what is further right before what names the row', () => {
    const even: readonly Row[] = [{ name: 'alive', count: 1, text: 'other' }];
    expect(tableLines(columns, even, 18)[1]).toBe('alive      1  oth…');
  });

  it('T1: fits any width, whatever stands in the cells', () => {
    const row = fc.record({
      name: fc.string({ unit: 'grapheme' }),
      count: fc.integer(),
      text: fc.string({ unit: 'grapheme' }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 5 }),
        fc.integer({ min: 1, max: 60 }),
        (all, width) => {
          const lines = tableLines(columns, all, width);
          expect(lines).toHaveLength(all.length + 1);
          for (const line of lines) {
            expect(stringWidth(line)).toBeLessThanOrEqual(width);
            expect(line).not.toMatch(/[\n\r\t]/);
          }
        },
      ),
    );
  });

  it('measures wide characters as the terminal does', () => {
    expect(cut('日本語のテキスト', 7)).toBe('日本語…');
    expect(cut('plain', 5)).toBe('plain');
  });

  it('keeps its columns when cells are painted', () => {
    const paint = (cell: string) => `\u001b[32m${cell}\u001b[39m`;
    const painted: Column<Row>[] = columns.map((column) => ({ ...column, paint }));
    const bare = tableLines(columns, rows, 40).map((line) => line.trimEnd());
    const lines = tableLines(painted, rows, 40).map((line) =>
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of a colour is one
      line.replace(/\u001b\[\d+m/g, '').trimEnd(),
    );
    expect(lines).toEqual(bare);
  });
});
