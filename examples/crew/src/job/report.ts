/** The end of a job in words: answers, what was killed, totals, and what to try next. */
import path from 'node:path';
import type { Answer } from '../contract.ts';
import { lossText } from '../screen/frame.ts';
import type { JobReport } from './job.ts';
import { countText, plural, secondsText } from './progress.ts';

const widthMax = 100;
const skippedShown = 8;
const waitedMsShown = 500;

export function answersText(answers: readonly Answer[], width: number): string {
  return answers
    .map(({ question, text, writtenBy, note }, i) =>
      [
        wrap(`${i + 1}. ${question}`, width, ''),
        ...text.split('\n').map((line) => wrap(line, width, '   ')),
        ...(writtenBy === 'extract' ? [] : [wrap(`written by ${writtenBy}`, width, '   ')]),
        ...(note === undefined ? [] : [wrap(`note: ${note}`, width, '   ')]),
        '',
      ].join('\n'),
    )
    .join('\n');
}

export function outcomeText(report: JobReport, width: number): string {
  const { published } = report;
  const file = path.relative(process.cwd(), published.file) || published.file;
  const lines = [
    published.published
      ? `Published   ${file} (${plural(published.bytes, 'byte')}), approved by ${published.by}`
      : `Published   nothing: declined by ${published.by}`,
    `Killed      ${killText(report)}`,
    `Totals      ${totalsText(report)}`,
    `Skipped     ${skippedText(report)}`,
    ...report.unread.map(({ path: name, reason }) => `Unread      ${name}: ${reason}`),
  ];
  return `${lines.map((line) => wrap(line, width, '            ', '')).join('\n')}\n`;
}

function killText({ kill }: JobReport): string {
  if (kill === null) return 'no node';
  const { node, at, known, recovery } = kill;
  const what = `${node}, which held the librarian, with ${countText(at, 'document')} read`;
  if (recovery === undefined) return what;
  return (
    `${what}; the librarian answered again on ${recovery.node} after ${secondsText(recovery.ms)}, ` +
    lossText(known, recovery.known)
  );
}

function totalsText({ documents, index, turns, ms, waitedMs }: JobReport): string {
  const waited =
    waitedMs < waitedMsShown ? '' : `, and ${secondsText(waitedMs)} of waiting for approval`;
  return (
    `${plural(documents, 'document')}, ${plural(index.passages, 'passage')}, ` +
    `${plural(turns, 'turn')} in ${secondsText(ms - waitedMs)}${waited}`
  );
}

function skippedText({ skipped, skippedCount, foldersSkipped }: JobReport): string {
  const reasons = Object.entries(skippedCount).map(([reason, count]) => `${count} ${reason}`);
  if (reasons.length === 0 && foldersSkipped.length === 0) return 'nothing';
  const large = skipped.filter(({ reason }) => reason !== 'not a text type');
  const named = large.slice(0, skippedShown).map(({ path: name }) => name);
  const total = Object.entries(skippedCount)
    .filter(([reason]) => reason !== 'not a text type')
    .reduce((sum, [, count]) => sum + count, 0);
  const more = total > named.length ? [`and ${total - named.length} more`] : [];
  return [
    reasons.length === 0 ? 'no file' : `${reasons.join(', ')}`,
    ...(named.length === 0 ? [] : [` (${[...named, ...more].join(', ')})`]),
    ...(foldersSkipped.length === 0 ? [] : [`; folders ${folderNames(foldersSkipped)}`]),
  ].join('');
}

/** Each name once: a repository has many `dist`. */
function folderNames(folders: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const folder of folders) {
    const name = path.basename(folder);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} × ${count}`)).join(', ');
}

/** Commands that work while the cluster is up. */
export function nextText(report: JobReport, addressOption: string): string {
  const question = report.answers[0]?.question ?? 'actor';
  const argument = `'${JSON.stringify(question).replaceAll("'", "'\\''")}'`;
  return [
    'The cluster stays up until Ctrl-C. In another terminal:',
    '',
    `  ${addressOption}npx troupe status`,
    `  ${addressOption}npx troupe runs`,
    `  ${addressOption}npx troupe call Librarian/${report.team} size`,
    `  ${addressOption}npx troupe call Librarian/${report.team} search ${argument}`,
    '',
  ].join('\n');
}

/** Breaks at blanks; a longer word stands alone. */
export function wrap(text: string, width: number, indent: string, first: string = indent): string {
  const room = Math.max(20, Math.min(width, widthMax) - 1);
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(/(?<=\S) (?=\S)/)) {
    if (!empty && line.length + 1 + word.length > room) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines.join('\n');
}
