/**
 * Writes `src/wire/descriptor.ts` from the proto, so that the client finds it wherever the package is
 * installed. `node codegen/descriptor.mjs` writes; a test compares with `descriptorModule()`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const proto = new URL('../../../proto/troupe/v1/troupe.proto', import.meta.url);
const target = new URL('../src/wire/descriptor.ts', import.meta.url);

/** The text that the generated module must have. */
export function descriptorModule() {
  const { root } = protobuf.parse(readFileSync(proto, 'utf8'), { keepCase: false });
  return [
    '/** Made by `codegen/descriptor.mjs` from `proto/troupe/v1/troupe.proto`: do not edit. */',
    'export const descriptor =',
    `  '${JSON.stringify(root.toJSON())}';`,
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, descriptorModule());
