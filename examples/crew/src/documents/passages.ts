/**
 * Passages: a document cut into runs of lines that can be found and cited by themselves.
 *
 * A1  passages do not overlap and keep the order of the document.
 * A2  every line that is not blank lies in exactly one passage.
 * A3  no passage has more than `passageLinesMax` lines.
 */
import path from 'node:path';
import { crewLimits, type Passage, type PassageKind } from '../contract.ts';

const proseTypes: ReadonlySet<string> = new Set(
  '.adoc .htm .html .markdown .md .mdx .rst .tex .text .txt'.split(' '),
);
const plainTypes: ReadonlySet<string> = new Set(
  '.cfg .conf .csv .env .ini .json .json5 .jsonc .log .toml .xml .yaml .yml'.split(' '),
);
/** A paragraph is joined to the passage before it while that is shorter. */
const passageLinesWanted = 8;
const headingLengthMax = 120;

/** The passages of a document. Lines count from 1. */
export function passagesOf(name: string, text: string): Passage[] {
  const lines = text.split(/\r?\n/);
  const kind = kindOf(name);
  const blocks = kind === 'prose' ? proseBlocks(lines) : codeBlocks(lines);
  return blocks.flatMap((block) => bounded(block, kind));
}

function kindOf(name: string): PassageKind {
  const type = path.extname(name).toLowerCase();
  if (proseTypes.has(type)) return 'prose';
  if (plainTypes.has(type)) return 'plain';
  return type === '' && !/^(?:makefile|dockerfile|justfile)$/i.test(path.basename(name))
    ? 'prose'
    : 'code';
}

interface Block {
  from: number;
  to: number;
  heading: string;
}

/** Paragraphs gathered under their heading; a heading always begins a block. */
function proseBlocks(lines: readonly string[]): Block[] {
  const trail: string[] = [];
  const blocks: Block[] = [];
  let open: Block | undefined;
  let fenced = false;
  for (const [i, line] of lines.entries()) {
    const number = i + 1;
    if (/^\s*(?:```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? undefined : headingAt(lines, i);
    if (heading !== undefined) {
      trail.length = Math.min(trail.length, heading.level - 1);
      trail[heading.level - 1] = heading.title;
      open = undefined;
    }
    if (line.trim() === '') {
      if (open !== undefined && !fenced && number - open.from >= passageLinesWanted) {
        open = undefined;
      }
      continue;
    }
    if (open === undefined) {
      open = { from: number, to: number, heading: trailText(trail) };
      blocks.push(open);
    }
    open.to = number;
  }
  return blocks;
}

function trailText(trail: readonly (string | undefined)[]): string {
  const text = trail.filter((part) => part !== undefined && part !== '').join(' > ');
  return text.length <= headingLengthMax ? text : `…${text.slice(1 - headingLengthMax)}`;
}

function headingAt(
  lines: readonly string[],
  i: number,
): { level: number; title: string } | undefined {
  const line = lines[i] ?? '';
  const marked = /^(#{1,6}|={1,6})\s+(\S.*?)\s*[#=]*$/.exec(line);
  if (marked?.[1] !== undefined && marked[2] !== undefined) {
    return { level: marked[1].length, title: marked[2] };
  }
  const tagged = /<h([1-6])[^>]*>(.*?)<\/h\1>/i.exec(line);
  if (tagged?.[1] !== undefined && tagged[2] !== undefined) {
    return { level: Number(tagged[1]), title: tagged[2].replace(/<[^>]*>/g, '').trim() };
  }
  const under = /^([=\-~^"])\1{2,}\s*$/.exec(lines[i + 1] ?? '');
  const isTitle = /^[^\s|].{0,98}[^\s.:;,|]$/.test(line) && (lines[i - 1] ?? '').trim() === '';
  if (under?.[1] === undefined || !isTitle) return undefined;
  return { level: under[1] === '=' ? 1 : 2, title: line.trim() };
}

const declaration =
  /^(?:export\s+|default\s+|public\s+|private\s+|pub\s+|async\s+|abstract\s+|static\s+)*(?:function\*?|class|interface|type|const|let|enum|def|func|fn|struct|trait|impl|message|service|module|package)\s+([A-Za-z_$][\w$]*)/;

/** Groups separated by blank lines; a new group may only begin at the left margin. */
function codeBlocks(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  let named = '';
  for (const [i, line] of lines.entries()) {
    const number = i + 1;
    if (line.trim() === '') continue;
    const afterBlank = (lines[i - 1] ?? '').trim() === '';
    if (open === undefined || (afterBlank && /^[^\s)}\]]/.test(line) && isFull(open, number))) {
      open = { from: number, to: number, heading: '' };
      blocks.push(open);
      named = '';
    }
    open.to = number;
    const name = declaration.exec(line)?.[1];
    if (name !== undefined && named === '') {
      named = name;
      open.heading = name;
    }
  }
  return blocks;
}

function isFull(block: Block, number: number): boolean {
  return number - block.from >= passageLinesWanted;
}

function bounded(block: Block, kind: PassageKind): Passage[] {
  const passages: Passage[] = [];
  for (let from = block.from; from <= block.to; from += crewLimits.passageLinesMax) {
    const to = Math.min(block.to, from + crewLimits.passageLinesMax - 1);
    passages.push({ from, to, heading: block.heading, kind });
  }
  return passages;
}
