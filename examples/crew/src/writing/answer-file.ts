/** The published file: answers with their sources, as Markdown. Equal answers give equal bytes. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import type { Answer } from '../contract.ts';

export function answerText(answers: readonly Answer[]): string {
  return answers.map((answer, i) => sectionOf(answer, i + 1)).join('\n');
}

function sectionOf(answer: Answer, number: number): string {
  const by = answer.writtenBy === 'extract' ? 'sentences of the sources' : answer.writtenBy;
  return [
    `## ${number}. ${answer.question}`,
    '',
    ...answer.text.split('\n').flatMap((line) => [line, '']),
    'Sources:',
    '',
    ...answer.citations.map(
      ({ path: name, from, to, heading }) =>
        `- ${name}:${from}-${to}${heading === '' ? '' : ` (${heading})`}`,
    ),
    '',
    `Written by: ${by}${answer.note === undefined ? '' : `; ${answer.note}`}`,
    '',
  ].join('\n');
}

/** Writes by a neighbour and a rename: a reader sees the old file or the new one, never a half. */
export async function writeWhole(file: string, text: string): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  const neighbour = `${file}.new`;
  await fs.writeFile(neighbour, text);
  await fs.rename(neighbour, file);
}
