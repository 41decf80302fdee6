/** One Markdown file of results, a section for each bench: writing one leaves the others alone. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Replaces the section that begins with this heading, or adds it at the end. */
export function writeSection(path: string, heading: string, text: string): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  writeFileSync(path, withSection(before, heading, text));
}

export function withSection(before: string, heading: string, text: string): string {
  const sections = before.split(/^(?=##? )/m).filter((each) => each.trim() !== '');
  const own = sections.findIndex((section) => section.split('\n')[0] === heading);
  const section = `${text.trimEnd()}\n`;
  if (own >= 0) sections[own] = section;
  else sections.push(section);
  return `${sections.map((each) => each.trimEnd()).join('\n\n')}\n`;
}
