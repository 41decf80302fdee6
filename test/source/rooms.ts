/** The rooms of this repository: its packages, their source files, and what those import. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

export const root = resolve(import.meta.dirname, '..', '..');

export interface Room {
  /** Path from the root, such as `scheduler/core`. */
  readonly path: string;
  readonly name: string;
  /** What its package.json declares. */
  readonly declared: ReadonlySet<string>;
}

export interface Import {
  readonly line: number;
  readonly specifier: string;
}

export interface SourceFile {
  /** Path from the root. */
  readonly path: string;
  readonly room: Room;
  /** Tests of a package may import more than its source. */
  readonly isTest: boolean;
  readonly text: string;
  readonly lineCount: number;
  /** The text with comments and strings blanked out, line for line. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const folders = ['packages', 'scheduler', 'worker-node', 'examples', 'chaos'];
const passedOver = new Set(['node_modules', 'dist', '.troupe', '.git', 'coverage']);

export function readRooms(at: string = root): Room[] {
  const rooms: Room[] = [];
  for (const folder of folders.filter((name) => existsSync(join(at, name)))) {
    for (const name of readdirSync(join(at, folder)).sort()) {
      const path = `${folder}/${name}`;
      if (existsSync(join(at, path, 'package.json'))) rooms.push(readRoom(at, path));
    }
  }
  for (const path of ['test', 'bench']) rooms.push(readRoom(at, path));
  return rooms;
}

/** What the root declares serves the tests and the configuration of every package. */
export function declaredAtRoot(at: string = root): ReadonlySet<string> {
  return readRoom(at, '.').declared;
}

function readRoom(at: string, path: string): Room {
  const manifest: unknown = JSON.parse(readFileSync(join(at, path, 'package.json'), 'utf8'));
  const kinds = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
  const declared = kinds.flatMap((kind) => Object.keys(fieldOf(manifest, kind) ?? {}));
  return { path, name: String(fieldOf(manifest, 'name')), declared: new Set(declared) };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

export function readSourceFiles(rooms: readonly Room[], at: string = root): SourceFile[] {
  return rooms.flatMap((room) =>
    walk(join(at, room.path)).map((file) => {
      const path = relative(at, file).split(sep).join('/');
      const isTest = room.path === 'test' || path.startsWith(`${room.path}/test/`);
      return readSource(path, room, isTest, readFileSync(file, 'utf8'));
    }),
  );
}

export function readSource(path: string, room: Room, isTest: boolean, text: string): SourceFile {
  const lineCount = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  const code = blank(text, { strings: true });
  return { path, room, isTest, text, lineCount, code, imports: importsOf(text, code) };
}

function walk(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (passedOver.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return /\.(ts|tsx|mts|mjs|js)$/.test(entry.name) ? [path] : [];
  });
}

/** Static imports, re-exports, side-effect imports, dynamic imports and `import('…')` types. */
function importsOf(text: string, code: string): Import[] {
  const withStrings = blank(text, { strings: false });
  const forms = [
    /(?<=^[ \t]*)(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])([^'"\n]+)\1/gm,
    /(?<=^[ \t]*)import\s*(['"])([^'"\n]+)\1/gm,
    /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g,
  ];
  return forms.flatMap((form) =>
    [...withStrings.matchAll(form)]
      // What stands in a string is text about an import, not an import.
      .filter((match) => code[match.index] !== ' ')
      .map((match) => ({
        line: lineAt(text, match.index + match[0].length),
        specifier: match[2] ?? '',
      })),
  );
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Comments become spaces, and strings too when asked; line breaks stay. */
function blank(text: string, what: { strings: boolean }): string {
  const tokens =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g;
  return text.replace(tokens, (token) => {
    const isComment = token.startsWith('//') || token.startsWith('/*');
    if (!isComment && !what.strings) return token;
    return token.replace(/[^\n]/g, ' ');
  });
}

/** The room that a relative import of `file` ends in, or undefined when it stays at home. */
export function roomReached(file: SourceFile, specifier: string, rooms: readonly Room[]) {
  const target = join(dirname(file.path), specifier).split(sep).join('/');
  if (target.startsWith(`${file.room.path}/`)) return undefined;
  return rooms.find((room) => target.startsWith(`${room.path}/`))?.path ?? target;
}
