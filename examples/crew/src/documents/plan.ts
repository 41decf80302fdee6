/**
 * The plan: which files of a folder are documents. Every file met is either planned or skipped
 * with a reason.
 *
 * P1  the same folder gives the same plan: sorted by path, no clock, no order of the file system.
 * P2  nothing is left out silently: planned + skipped = files met, folders not entered are named.
 */
import { type Dirent, promises as fs } from 'node:fs';
import path from 'node:path';
import {
  crewLimits,
  type Plan,
  type PlannedDocument,
  type Skipped,
  type SkipReason,
} from '../contract.ts';
import { compareText } from './terms.ts';

const foldersNotEntered: ReadonlySet<string> = new Set([
  '.cache',
  '.git',
  '.hg',
  '.next',
  '.svn',
  '.troupe',
  '.turbo',
  '.venv',
  '__pycache__',
  'build',
  'coverage',
  'dist',
  'node_modules',
  'target',
  'vendor',
  'venv',
]);

const textTypes: ReadonlySet<string> = new Set(
  (
    '.adoc .c .cc .cfg .cjs .conf .cpp .cs .css .csv .cts .env .go .graphql .h .hpp .htm .html ' +
    '.ini .java .js .json .json5 .jsonc .jsx .kt .log .lua .markdown .md .mdx .mjs .mts .php .pl ' +
    '.proto .py .r .rb .rs .rst .scala .scss .sh .sql .svelte .swift .tex .text .toml .ts .tsx ' +
    '.txt .vue .xml .yaml .yml'
  ).split(' '),
);

const textNames =
  /^(?:readme|license|licence|notice|authors|changelog|makefile|dockerfile|justfile)$/i;
const lockFiles: ReadonlySet<string> = new Set([
  'npm-shrinkwrap.json',
  'package-lock.json',
  'pnpm-lock.yaml',
]);
const sniffBytes = 4_096;

export async function planFolder(folder: string): Promise<Plan> {
  const found: Found = { documents: [], skipped: [], foldersSkipped: [] };
  await walk(folder, '', found);
  found.documents.sort((left, right) => compareText(left.path, right.path));
  const count = countWithinBounds(found.documents);
  const documents = found.documents.slice(0, count);
  for (const { path: name } of found.documents.slice(count)) {
    found.skipped.push({ path: name, reason: 'beyond the document bound' });
  }
  found.skipped.sort((left, right) => compareText(left.path, right.path));
  return {
    documents,
    skipped: found.skipped.slice(0, crewLimits.skippedNamedMax),
    skippedCount: countByReason(found.skipped),
    foldersSkipped: found.foldersSkipped.sort(compareText).slice(0, crewLimits.skippedNamedMax),
  };
}

function countWithinBounds(documents: readonly PlannedDocument[]): number {
  let count = 0;
  let bytes = 0;
  for (const document of documents.slice(0, crewLimits.documentsMax)) {
    bytes += Buffer.byteLength(document.path);
    if (bytes > crewLimits.pathBytesMax) break;
    count += 1;
  }
  return count;
}

interface Found {
  readonly documents: PlannedDocument[];
  readonly skipped: Skipped[];
  readonly foldersSkipped: string[];
}

async function walk(root: string, inside: string, found: Found): Promise<void> {
  const entries = await fs.readdir(path.join(root, inside), { withFileTypes: true });
  entries.sort((left, right) => compareText(left.name, right.name));
  for (const entry of entries) {
    const name = inside === '' ? entry.name : `${inside}/${entry.name}`;
    if (entry.isDirectory()) {
      if (foldersNotEntered.has(entry.name)) found.foldersSkipped.push(name);
      else await walk(root, name, found);
    } else {
      const judged = await judge(root, name, entry);
      if (typeof judged === 'string') found.skipped.push({ path: name, reason: judged });
      else found.documents.push(judged);
    }
  }
}

async function judge(
  root: string,
  name: string,
  entry: Dirent,
): Promise<PlannedDocument | SkipReason> {
  if (entry.isSymbolicLink()) return 'symbolic link';
  if (!entry.isFile() || !isTextName(entry.name)) return 'not a text type';
  if (lockFiles.has(entry.name)) return 'lock file';
  if (!isFitPath(name)) return 'unfit path';
  try {
    const { size } = await fs.stat(path.join(root, name));
    if (size === 0) return 'empty';
    if (size > crewLimits.fileBytesMax) return 'too large';
    return (await looksBinary(path.join(root, name)))
      ? 'binary content'
      : { path: name, bytes: size };
  } catch {
    // The reason is the record: a file that cannot be opened now would fail its reader too.
    return 'unreadable';
  }
}

function isTextName(name: string): boolean {
  return textTypes.has(path.extname(name).toLowerCase()) || textNames.test(name);
}

/** A path becomes part of an actor's key. */
function isFitPath(name: string): boolean {
  return name.length <= crewLimits.pathLengthMax && name.isWellFormed() && !/\p{Cc}/u.test(name);
}

async function looksBinary(file: string): Promise<boolean> {
  const handle = await fs.open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(sniffBytes), 0, sniffBytes, 0);
    return buffer.subarray(0, bytesRead).includes(0);
  } finally {
    await handle.close();
  }
}

function countByReason(skipped: readonly Skipped[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of skipped) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}
