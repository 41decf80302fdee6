/**
 * The frame: progress as a few lines of text for a terminal of a given width.
 *
 * F1  no line is wider than the terminal, so that the frame can be redrawn in place.
 * F2  without colour there is no escape sequence, and nothing is said by colour alone.
 */
import {
  type Count,
  countText,
  type NodeStanding,
  type Progress,
  plural,
  secondsText,
} from '../job/progress.ts';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'plain';

interface Piece {
  readonly text: string;
  readonly style: Style;
}

export interface FrameShape {
  readonly width: number;
  readonly color: boolean;
}

const codes: { readonly [style in Exclude<Style, 'plain'>]: number } = {
  bold: 1,
  dim: 2,
  green: 32,
  red: 31,
  yellow: 33,
};
const barWidthMax = 30;
const labelWidth = 10;

export function frameOf(progress: Progress, shape: FrameShape): string[] {
  const lines = [
    [
      piece('Troupe crew', 'bold'),
      piece(` · ${progress.folder} · `, 'dim'),
      piece(progress.phase),
      piece(` · ${secondsText(progress.elapsedMs)}`, 'dim'),
    ],
    [label('nodes'), ...progress.nodes.flatMap(nodePieces)],
    [label('read'), ...barPieces(progress.documents, 'document', shape.width)],
    [label('index'), piece(indexText(progress))],
    [label('answers'), ...barPieces(progress.answers, 'answer', shape.width)],
    ...killLines(progress),
  ];
  return lines.map((pieces) => cut(pieces, shape));
}

function piece(text: string, style: Style = 'plain'): Piece {
  return { text, style };
}

function label(text: string): Piece {
  return piece(`  ${text.padEnd(labelWidth)}`, 'dim');
}

function nodePieces(node: NodeStanding): Piece[] {
  const holds = node.librarian ? ' (librarian)' : '';
  switch (node.state) {
    case 'alive': {
      const actors = node.actors === undefined ? '' : ` ${plural(node.actors, 'actor')}`;
      return [piece('● ', 'green'), piece(`${node.name}${actors}${holds}   `)];
    }
    case 'starting':
      return [piece('○ ', 'dim'), piece(`${node.name} starts   `, 'dim')];
    case 'killed':
      return [piece(`✗ ${node.name} killed   `, 'red')];
    case 'gone':
      return [piece(`✗ ${node.name} gone   `, 'red')];
  }
}

function barPieces(count: Count, noun: string, width: number): Piece[] {
  if (count.all === 0) return [piece('–', 'dim')];
  const size = Math.max(8, Math.min(barWidthMax, width - labelWidth - 28));
  const filled = Math.floor((count.done / count.all) * size);
  return [
    piece('█'.repeat(filled), 'green'),
    piece('░'.repeat(size - filled), 'dim'),
    piece(` ${countText(count, noun)}`),
  ];
}

function indexText({ index }: Progress): string {
  if (index === undefined) return '–';
  return `${plural(index.documents, 'document')}, ${plural(index.passages, 'passage')}`;
}

function killLines({ kill, elapsedMs }: Progress): Piece[][] {
  if (kill === undefined) return [];
  const { recovery } = kill;
  if (recovery === undefined) {
    const dots = '.'.repeat(1 + (Math.floor(elapsedMs / 400) % 3));
    const what = `${kill.node} was killed with the librarian on it; its state comes back${dots}`;
    return [[label('recovery'), piece(what, 'yellow')]];
  }
  const what = `librarian back on ${recovery.node} after ${secondsText(recovery.ms)}, ${lossText(
    kill.known,
    recovery.known,
  )}`;
  return [[label('recovery'), piece(what, recovery.known < kill.known ? 'red' : 'green')]];
}

/** What a recovery kept of what was acknowledged. */
export function lossText(known: number, knownAfter: number): string {
  const lost = Math.max(0, known - knownAfter);
  return lost === 0
    ? `all ${plural(known, 'acknowledged document')} still known`
    : `${plural(lost, 'acknowledged document')} LOST`;
}

function cut(pieces: readonly Piece[], { width, color }: FrameShape): string {
  let room = width - 1;
  let line = '';
  for (const { text, style } of pieces) {
    const characters = [...text];
    const shown = characters.length <= room ? text : characters.slice(0, room).join('');
    room -= Math.min(room, characters.length);
    line += shown === '' ? '' : styled(shown, style, color);
  }
  return line.trimEnd();
}

export function styled(text: string, style: Style, color: boolean): string {
  return color && style !== 'plain' ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
}
