import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { type Progress, phaseOf } from '../src/job/progress.ts';
import { wrap } from '../src/job/report.ts';
import { frameOf } from '../src/screen/frame.ts';
import { PlainDisplay } from '../src/screen/plain-display.ts';
import { TerminalDisplay, wantsColor } from '../src/screen/terminal-display.ts';

const reading: Progress = {
  folder: 'library',
  phase: 'reading',
  elapsedMs: 4_200,
  nodes: [
    { name: 'n1', state: 'alive', actors: 12, librarian: true },
    { name: 'n2', state: 'killed', librarian: false },
  ],
  documents: { done: 30, all: 60 },
  answers: { done: 0, all: 0 },
  index: { documents: 28, passages: 1_204 },
  kill: {
    node: 'n2',
    pid: 7,
    at: { done: 24, all: 60 },
    known: 24,
    recovery: { ms: 1_240, known: 24, node: 'n1' },
  },
};

test('the frame shows nodes, documents, index and recovery', () => {
  expect(frameOf(reading, { width: 100, color: false })).toEqual([
    'Troupe crew · library · reading · 4.2 s',
    '  nodes     ● n1 12 actors (librarian)   ✗ n2 killed',
    '  read      ███████████████░░░░░░░░░░░░░░░ 30 of 60 documents',
    '  index     28 documents, 1,204 passages',
    '  answers   –',
    '  recovery  librarian back on n1 after 1.2 s, all 24 acknowledged documents still known',
  ]);
});

test('documents lost in a recovery would be shouted about', () => {
  const { kill } = reading;
  if (kill === undefined) throw new Error('the progress has a kill');
  const lost = { ...reading, kill: { ...kill, recovery: { ms: 1, known: 20, node: 'n1' } } };
  expect(frameOf(lost, { width: 100, color: false }).at(-1)).toContain(
    '4 acknowledged documents LOST',
  );
});

test('no line of the frame is wider than the terminal', () => {
  for (const width of [20, 33, 60, 200]) {
    for (const line of frameOf(reading, { width, color: true })) {
      expect([...stripVTControlCharacters(line)].length).toBeLessThan(width);
    }
  }
});

test('colour comes only where it is wanted', () => {
  expect(frameOf(reading, { width: 80, color: true }).join('')).toContain('\u001b[32m');
  expect(frameOf(reading, { width: 80, color: false }).join('')).not.toContain('\u001b');
  expect(wantsColor({ NO_COLOR: '1', TERM: 'xterm' })).toBe(false);
  expect(wantsColor({ TERM: 'xterm' })).toBe(true);
});

test('a terminal redraws the frame in place and leaves events above it', () => {
  let written = '';
  const stream = {
    columns: 80,
    write: (text: string) => {
      written += text;
    },
  };
  const display = new TerminalDisplay(stream, false);
  display.show(reading);
  display.show(reading);
  expect(written.match(/Troupe crew/g)).toHaveLength(1);
  written = '';
  display.event('n2 was killed');
  expect(written.startsWith('\u001b[6A\u001b[0J· n2 was killed\nTroupe crew')).toBe(true);
  written = '';
  display.hold();
  display.show({ ...reading, elapsedMs: 9_000 });
  expect(written).toBe('\u001b[6A\u001b[0J');
  display.release();
  display.show({ ...reading, elapsedMs: 9_000 });
  expect(written).toContain('9.0 s');
});

test('a pipe gets a counting line at most once a second, and never the same twice', () => {
  const lines: string[] = [];
  const display = new PlainDisplay((text) => lines.push(text));
  for (let elapsedMs = 0; elapsedMs <= 5_000; elapsedMs += 100) {
    const done = elapsedMs < 2_500 ? Math.floor(elapsedMs / 100) : 25;
    display.show({ ...reading, elapsedMs, documents: { done, all: 60 } });
  }
  display.event('done');
  expect(lines).toEqual([
    '[0.0 s] read 0 of 60 documents, 1,204 passages indexed\n',
    '[1.0 s] read 10 of 60 documents, 1,204 passages indexed\n',
    '[2.0 s] read 20 of 60 documents, 1,204 passages indexed\n',
    '[3.0 s] read 25 of 60 documents, 1,204 passages indexed\n',
    'done\n',
  ]);
});

test('the phase is the first block that has not settled', () => {
  const blocks = (states: { readonly [block: string]: string }) =>
    Object.entries(states).map(([block, state]) => ({ block, state }));
  expect(phaseOf([])).toBe('planning');
  expect(phaseOf(blocks({ plan: 'done', read: 'running' }))).toBe('reading');
  expect(phaseOf(blocks({ plan: 'done', read: 'done', answer: 'ready' }))).toBe('answering');
  expect(phaseOf(blocks({ plan: 'done', read: 'done', answer: 'done', approve: 'paused' }))).toBe(
    'approval',
  );
});

test('text is broken at blanks and never loses a word', () => {
  const text = 'one two three four five six seven eight nine ten';
  const wrapped = wrap(text, 24, '   ');
  expect(wrapped.split('\n').every((line) => line.length <= 24)).toBe(true);
  expect(wrapped.replace(/\s+/g, ' ').trim()).toBe(text);
});
