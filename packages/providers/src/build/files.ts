/**
 * Which files a node needs to run elsewhere: the compiled packages of its process and its runners,
 * and the production packages that they depend on, each at its place below the root.
 *
 * F1  paths below the root stay as they are, links included, since modules find each other by them.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { troupeError } from '@troupe/model';
import { z } from 'zod';

export interface BuildFile {
  /** From the root, with `/`. */
  readonly path: string;
  /** Where a link points; absent for a file. */
  readonly link?: string;
}

const manifest = z.object({
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});

/** Types, sources and maps of other people's packages never run. */
const idle = /\.(?:[cm]?ts|map|md|markdown)$/;
/** Of our own packages the compiled code runs, and its maps make stacks readable. */
const ownIdle = /\.d\.ts(?:\.map)?$|\.tsbuildinfo$/;

/** Files of the packages `entries` (paths from the root) and all they depend on, sorted. */
export function buildFiles(root: string, entries: readonly string[]): BuildFile[] {
  const found = new Map<string, BuildFile>();
  const seen = new Set<string>();
  const waiting = entries.map((entry) => join(root, entry));
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const real = realpathSync(at);
    // F1: a package reached by a link needs the link as well as what it means.
    if (lstatSync(at).isSymbolicLink()) add(found, root, at);
    if (seen.has(real)) continue;
    seen.add(real);
    addPackage(found, root, real);
    for (const name of dependenciesOf(real)) {
      const place = placeOf(name, real, root);
      if (place !== undefined) waiting.push(place);
    }
  }
  return [...found.values()].sort((left, right) => (left.path < right.path ? -1 : 1));
}

function dependenciesOf(folder: string): string[] {
  const said = manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const names = Object.keys({ ...said.dependencies, ...said.optionalDependencies });
  return names.filter((name) => !name.startsWith('@types/'));
}

/** Where Node finds a package from a folder; an optional one may be nowhere. */
function placeOf(name: string, from: string, root: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) return place;
    if (folder === root || folder === dirname(folder)) return undefined;
  }
}

function addPackage(found: Map<string, BuildFile>, root: string, folder: string): void {
  const own = !relative(root, folder).split(sep).includes('node_modules');
  const unwanted = own ? ownIdle : idle;
  add(found, root, join(folder, 'package.json'));
  for (const file of filesBelow(own ? join(folder, 'dist') : folder)) {
    if (!unwanted.test(file)) add(found, root, file);
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path);
    return [path];
  });
}

function add(found: Map<string, BuildFile>, root: string, file: string): void {
  const path = relative(root, file).split(sep).join('/');
  if (path.startsWith('..')) {
    throw troupeError('WRONG_STATE', `${file} lies outside ${root} and cannot be copied`);
  }
  const link = lstatSync(file).isSymbolicLink() ? readlinkSync(file) : undefined;
  found.set(path, link === undefined ? { path } : { path, link });
}
