/**
 * The build that is copied to machines: an archive, made once for each content and kept.
 *
 * B1  the same content has the same hash on every machine; another content never has it.
 * B2  an archive is whole or not there: it is written aside, then moved to its name.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { troupeError } from '@troupe/model';
import { type ProgramEnd, runProgram } from '../machine/program.ts';
import { lastWords } from '../machine/shell.ts';
import { type BuildFile, buildFiles } from './files.ts';

export interface Build {
  /** Of the content. */
  readonly hash: string;
  /** A gzipped tar archive. */
  readonly file: string;
  /** SHA-256 of the archive. */
  readonly checksum: string;
  /** The node's main module, below the folder it is unpacked in. */
  readonly main: string;
}

const hashLength = 32;
const archiveMsMax = 300_000;

/** The build that holds this main module of the node process. */
export async function makeBuild(main: string, cacheDir: string): Promise<Build> {
  const host = dirname(dirname(main));
  const root = dirname(dirname(host));
  const hostPath = relative(root, host);
  // The node finds its runner beside itself.
  const files = buildFiles(root, [hostPath, join(dirname(hostPath), 'runner')]);
  const hash = hashOf(root, files);
  const file = join(cacheDir, `${hash}.tar.gz`);
  if (!existsSync(file)) await archive(root, files, file);
  const sum = createHash('sha256');
  await pipeline(createReadStream(file), sum);
  return { hash, file, checksum: sum.digest('hex'), main: relative(root, main) };
}

/** B1: of paths and contents alone. */
function hashOf(root: string, files: readonly BuildFile[]): string {
  const whole = createHash('sha256');
  for (const { path, link } of files) {
    const bytes = link === undefined ? readFileSync(join(root, path)) : Buffer.from(link);
    const kind = link === undefined ? 'file' : 'link';
    whole.update(JSON.stringify([kind, path, createHash('sha256').update(bytes).digest('hex')]));
  }
  return whole.digest('hex').slice(0, hashLength);
}

async function archive(root: string, files: readonly BuildFile[], file: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const aside = `${file}.${process.pid}`;
  try {
    const words = ['tar', '-czf', aside, '-C', root, '--no-recursion', '-T', '-'];
    const text = `${files.map(({ path }) => path).join('\n')}\n`;
    const end = await runProgram(words, { msMax: archiveMsMax, input: { text } });
    if (end.code !== 0) throw noArchive(file, end);
    renameSync(aside, file);
  } finally {
    rmSync(aside, { force: true });
  }
}

function noArchive(file: string, { givenUp, stderr }: ProgramEnd) {
  const how = givenUp ? `was not ready within ${archiveMsMax / 1_000} s` : 'was not made';
  const code = /No space left|Disk quota exceeded/.test(stderr) ? 'HOST_FULL' : 'HOST_UNSUITABLE';
  const what = `this machine: the archive ${file} ${how}, tar says: ${lastWords(stderr)}`;
  return troupeError(code, what, { file });
}
