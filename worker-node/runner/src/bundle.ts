/** Loads a bundle and says what went wrong when it does not load. */
import { pathToFileURL } from 'node:url';
import { type Failure, failure, version, versionsAgree } from '@troupe/model';
import { type Definitions, definitionsOf } from '@troupe/sdk/internal';

export async function loadBundle(file: string): Promise<Definitions | Failure> {
  const { href } = pathToFileURL(file);
  try {
    const module: { readonly [name: string]: unknown } = await import(href);
    const definitions = definitionsOf(module);
    const { sdk } = definitions.manifest;
    if (versionsAgree(sdk, version)) return definitions;
    return failure('VERSION_MISMATCH', `the bundle was made with SDK ${sdk}, not ${version}`);
  } catch (thrown) {
    return loadFailure(thrown, href);
  }
}

/** The error and the first line of its stack that lies in the bundle. */
function loadFailure(thrown: unknown, href: string): Failure {
  const code = 'BUNDLE_LOAD_FAILED';
  if (!(thrown instanceof Error)) return failure(code, `the bundle threw ${String(thrown)}`);
  const lines = thrown.stack?.split('\n') ?? [];
  const place = lines.find((line) => line.includes(href))?.trim();
  const where = place === undefined ? '' : ` (${place.replace(`${href}:`, 'bundle line ')})`;
  // Known by its name, since the bundle may carry its own copy; it says the next move itself.
  if (thrown.name === 'TroupeError') return { code, message: `${thrown.message}${where}` };
  return failure(code, `${thrown.name}: ${thrown.message}${where}`);
}
