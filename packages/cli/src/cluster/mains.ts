/** Where the two processes' main modules lie. They are spawned, never imported. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { TroupeError } from '@troupe/model';

const require = createRequire(import.meta.url);

/** Each name stands whole, so that tools see what this package depends on. */
const mains = {
  scheduler: () => require.resolve('@troupe/scheduler-server/main'),
  node: () => require.resolve('@troupe/worker-node-host/main'),
} as const;

export function mainOf(kind: 'scheduler' | 'node'): string {
  const file = find(kind);
  if (file !== undefined && existsSync(file)) return file;
  throw new TroupeError({
    code: 'WRONG_STATE',
    message: `the ${kind} process is not built; run \`npm run build\``,
    details: { kind },
  });
}

function find(kind: 'scheduler' | 'node'): string | undefined {
  try {
    return mains[kind]();
  } catch {
    // Not installed, or not built: the caller says so.
    return undefined;
  }
}
