/** Where the two processes' main modules lie. They are spawned, never imported. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { TroupeError } from '@troupe/model';

const resolver = createRequire(import.meta.url);

export function mainOf(kind: 'scheduler' | 'node'): string {
  const name = kind === 'scheduler' ? '@troupe/scheduler-server' : '@troupe/worker-node-host';
  const file = find(`${name}/main`);
  if (file !== undefined && existsSync(file)) return file;
  throw new TroupeError({
    code: 'WRONG_STATE',
    message: `${name} is not built; run \`npm run build\``,
    details: { package: name },
  });
}

function find(specifier: string): string | undefined {
  try {
    return resolver.resolve(specifier);
  } catch {
    // Not installed, or not built: the caller says so.
    return undefined;
  }
}
