/**
 * A file of definitions and all it imports as one ES module: what `troupe deploy` sends.
 *
 * B1  the same sources give the same bytes, wherever they lie.
 * B2  what esbuild refuses is `BUNDLE_LOAD_FAILED` with file, line and column.
 */
import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { limits, troupeError } from '@troupe/model';
import { type BuildFailure, build } from 'esbuild';

export interface Bundle {
  readonly bytes: Uint8Array;
  /** sha-256 of the bytes, 64 hex digits. */
  readonly hash: string;
}

/** CommonJS packages in the bundle ask for Node's own modules by `require`. */
const banner =
  "import { createRequire as troupeCreateRequire } from 'node:module'; " +
  'const require = troupeCreateRequire(' +
  "import.meta.url.startsWith('file:') ? import.meta.url : process.cwd() + '/');";

/** Bundles the file. The export condition `troupe-bundle` keeps the gRPC client out. */
export async function bundleFile(path: string): Promise<Bundle> {
  const file = resolve(path);
  const bytes = await buildFile(file);
  if (bytes.length > limits.bundleBytesMax) {
    const what = `the bundle of ${path} has ${bytes.length} bytes, more than ${limits.bundleBytesMax}`;
    throw troupeError('TOO_LARGE', what, { file: path, bytes: bytes.length });
  }
  return { bytes, hash: createHash('sha256').update(bytes).digest('hex') };
}

async function buildFile(file: string): Promise<Uint8Array> {
  try {
    const result = await build({
      entryPoints: [basename(file)],
      absWorkingDir: dirname(file),
      outfile: 'bundle.mjs',
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['troupe-bundle', 'module'],
      sourcemap: 'inline',
      legalComments: 'none',
      charset: 'utf8',
      banner: { js: banner },
      logLevel: 'silent',
    });
    return result.outputFiles[0]?.contents ?? new Uint8Array();
  } catch (cause) {
    if (!isBuildFailure(cause)) throw cause;
    const lines = cause.errors.map(({ text, location }) =>
      location === null
        ? text
        : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
    );
    throw troupeError('BUNDLE_LOAD_FAILED', lines.join('\n'), { file }, cause);
  }
}

function isBuildFailure(thrown: unknown): thrown is BuildFailure {
  return thrown instanceof Error && 'errors' in thrown && Array.isArray(thrown.errors);
}
