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
    return failure('BUNDLE_LOAD_FAILED', describe(thrown, href));
  }
}

/** The error and the first line of its stack that lies in the bundle. */
function describe(thrown: unknown, href: string): string {
  if (!(thrown instanceof Error)) return `the bundle threw ${String(thrown)}`;
  const lines = thrown.stack?.split('\n') ?? [];
  const place = lines.find((line) => line.includes(href))?.trim();
  const where = place === undefined ? '' : ` (${place.replace(`${href}:`, 'bundle line ')})`;
  return `${thrown.name}: ${thrown.message}${where}`;
}
