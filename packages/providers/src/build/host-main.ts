/** Where the node process's main module lies. It is spawned, never imported. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { troupeError } from '@troupe/model';

const require = createRequire(import.meta.url);

/** The module given, else the one that is installed here. */
export function hostMain(given?: string): string {
  const file = given === undefined ? installed() : resolve(given);
  if (file !== undefined && existsSync(file)) return file;
  const what = given === undefined ? 'the node process is not built' : `${given} does not exist`;
  throw troupeError('WRONG_STATE', `${what}; run \`npm run build\``);
}

function installed(): string | undefined {
  try {
    return require.resolve('@troupe/worker-node-host/main');
  } catch {
    // Not installed: the caller says so.
    return undefined;
  }
}
