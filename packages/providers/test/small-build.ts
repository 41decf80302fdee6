/** A build in the shape of the real one, but small: its node is `programs/node.mjs`. */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('programs/node.mjs', import.meta.url));

/** Writes it and answers with its main module. It cannot be compressed to less than 200 KB. */
export function writeSmallBuild(root: string): string {
  const write = (path: string, text: string | Uint8Array) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const packageJson = (...dependencies: string[]) =>
    JSON.stringify({
      type: 'module',
      dependencies: Object.fromEntries(dependencies.map((name) => [name, '*'])),
      devDependencies: { unwanted: '*' },
    });
  write('worker-node/host/package.json', packageJson('ours', 'theirs'));
  mkdirSync(join(root, 'worker-node/host/dist'));
  cpSync(program, join(root, 'worker-node/host/dist/main.js'));
  write('worker-node/host/src/main.ts', 'source');
  write('worker-node/runner/package.json', packageJson());
  write('worker-node/runner/dist/main.js', randomBytes(200_000));
  write('packages/ours/package.json', packageJson());
  write('packages/ours/dist/index.js', 'ours');
  write('node_modules/theirs/package.json', packageJson('nested', '@types/nobody'));
  write('node_modules/theirs/index.js', 'theirs');
  write('node_modules/theirs/index.d.ts', 'types');
  write('node_modules/theirs/node_modules/nested/package.json', packageJson());
  write('node_modules/unwanted/package.json', packageJson());
  symlinkSync('../packages/ours', join(root, 'node_modules/ours'));
  return join(root, 'worker-node/host/dist/main.js');
}
