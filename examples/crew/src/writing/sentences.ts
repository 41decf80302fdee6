/**
 * Sentences of an excerpt that a person would read as prose: text of documents, comments of code.
 * Each knows the line it begins on, so that it can be cited.
 */
import type { Excerpt } from '../contract.ts';

export interface Sentence {
  readonly line: number;
  readonly text: string;
}

interface ProseLine {
  readonly line: number;
  readonly text: string;
}

const sentenceEnd = /(?<=[.!?:]["'”’)\]`*_]*)\s+(?=`|["'“‘([`*_]*[\p{Lu}\p{Lo}\p{N}])/u;
const fullStopUnspaced = /(?<=[。！？])/u;
const textLengthMax = 600;

export function sentencesOf(excerpt: Excerpt): Sentence[] {
  const lines = excerpt.text
    .split('\n')
    .map((text, i) => ({ line: excerpt.from + i, text: text.trimEnd() }));
  const paragraphs = excerpt.kind === 'prose' ? proseParagraphs(lines) : commentParagraphs(lines);
  return paragraphs.flatMap(splitParagraph);
}

/** Paragraphs without headings, rules and fenced code; items and table rows stand alone. */
function proseParagraphs(lines: readonly ProseLine[]): ProseLine[][] {
  const paragraphs: ProseLine[][] = [];
  let open: ProseLine[] = [];
  const close = () => {
    if (open.length > 0) paragraphs.push(open);
    open = [];
  };
  let fenced = false;
  for (const { line, text } of lines) {
    const isFence = /^\s*(?:```|~~~)/.test(text);
    if (isFence) fenced = !fenced;
    if (isFence || fenced || /^\s*(?:#{1,6}\s.*|[-=~^*_|:\s]*|<!--.*)$/.test(text)) {
      close();
      continue;
    }
    const isRow = /^\s*\|/.test(text);
    if (isRow || /^\s*(?:[-*+]|\d+[.)])\s+/.test(text)) close();
    open.push({ line, text: isRow ? rowText(text) : plainText(text) });
    if (isRow) close();
  }
  close();
  return paragraphs;
}

function rowText(row: string): string {
  const cells = row.split('|').map((cell) => plainText(cell));
  return cells.filter((cell) => cell !== '').join(': ');
}

function plainText(text: string): string {
  return text
    .replace(/^\s*(?:[-*+]|\d+[.)]|>)\s+/, '')
    .replace(/<\/?[a-z][^>]*>/gi, ' ')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*\*|__/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Runs of comment lines; a blank comment line ends a paragraph. */
function commentParagraphs(lines: readonly ProseLine[]): ProseLine[][] {
  const paragraphs: ProseLine[][] = [];
  let open: ProseLine[] = [];
  let inside = false;
  for (const { line, text } of lines) {
    const begins = /^\s*\/\*/.test(text);
    const isComment = inside || begins || /^\s*(?:\/\/|#\s|--\s|\*(?:\s|$|\/))/.test(text);
    const bare = isComment ? commentText(text) : '';
    if (bare === '') {
      if (open.length > 0) paragraphs.push(open);
      open = [];
    } else {
      open.push({ line, text: bare });
    }
    if (begins) inside = true;
    if (text.includes('*/')) inside = false;
  }
  if (open.length > 0) paragraphs.push(open);
  return paragraphs;
}

function commentText(text: string): string {
  return plainText(
    text.replace(/^\s*(?:\/\*+|\*+(?!\/)|\/\/+|#+|--)?/, '').replace(/\*+\/\s*$/, ''),
  );
}

function splitParagraph(paragraph: readonly ProseLine[]): Sentence[] {
  const whole = paragraph.map(({ text }) => text).join(' ');
  const sentences: Sentence[] = [];
  let at = 0;
  for (const part of whole.split(sentenceEnd).flatMap((text) => text.split(fullStopUnspaced))) {
    const start = whole.indexOf(part, at);
    at = start + part.length;
    const text = part.trim();
    if (text.length > 0 && text.length <= textLengthMax) {
      sentences.push({ line: lineAt(paragraph, start), text });
    }
  }
  return sentences;
}

function lineAt(paragraph: readonly ProseLine[], offset: number): number {
  let end = 0;
  for (const { line, text } of paragraph) {
    end += text.length + 1;
    if (offset < end) return line;
  }
  return paragraph.at(-1)?.line ?? 0;
}
