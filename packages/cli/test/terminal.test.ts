import { afterEach, expect, it, vi } from 'vitest';
import { terminal } from '../src/terminal/terminal.ts';

const { isTTY: answersAtTerminal } = process.stdout;
const { isTTY: notesAtTerminal } = process.stderr;

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.stdout.isTTY = answersAtTerminal;
  process.stderr.isTTY = notesAtTerminal;
});

/** What a red note comes out as, where answers go to a terminal. */
function noted(toTerminal: boolean): string {
  vi.stubEnv('NO_COLOR', undefined);
  vi.stubEnv('TERM', 'xterm');
  process.stdout.isTTY = true;
  process.stderr.isTTY = toTerminal;
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(`${text}`) > 0);
  const { note, paint } = terminal(false);
  note(paint('red', 'gone'));
  return written.join('');
}

it('a note has its colour at a terminal, and none in a file', () => {
  expect(noted(true)).toBe('\u001b[31mgone\u001b[39m\n');
  expect(noted(false)).toBe('gone\n');
});
