import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleFile } from '../src/index.ts';

const fixture = fileURLToPath(new URL('fixtures/counter.ts', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-bundle-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a bundle', () => {
  it('holds the definitions, and neither the gRPC client nor the codec', async () => {
    const { bytes } = await bundleFile(fixture);
    const text = Buffer.from(bytes).toString('utf8');
    const code = text.slice(0, text.lastIndexOf('//# sourceMappingURL='));
    expect(code).toContain('Counter');
    expect(code).not.toMatch(/grpc|protobuf|msgpackr/i);
    expect(text).toContain('sourceMappingURL=data:application/json;base64,');
  });

  it('loads as a module whose exports carry the brand of definitions', async () => {
    const { bytes } = await bundleFile(fixture);
    const file = join(folder, 'bundle.mjs');
    await writeFile(file, bytes);
    const exported: Record<string, Record<symbol, unknown>> = await import(file);
    const brand = Symbol.for('troupe.definition');
    expect(exported['Counter']?.[brand]).toBe('actor');
    expect(exported['double']?.[brand]).toBe('task');
  });

  it('B1: is the same for the same source, wherever that lies', async () => {
    const source = 'export const answer: number = 42;\n';
    const bundles: Awaited<ReturnType<typeof bundleFile>>[] = [];
    for (const name of ['here', 'there']) {
      const dir = await mkdtemp(join(folder, name));
      await writeFile(join(dir, 'source.ts'), source);
      bundles.push(await bundleFile(join(dir, 'source.ts')));
    }
    expect(bundles[0]?.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(bundles[1]?.hash).toBe(bundles[0]?.hash);
    expect((await bundleFile(fixture)).hash).toBe((await bundleFile(fixture)).hash);
  });

  it('changes its hash with its source', async () => {
    const file = join(folder, 'changing.ts');
    await writeFile(file, 'export const answer = 1;\n');
    const before = await bundleFile(file);
    await writeFile(file, 'export const answer = 2;\n');
    expect((await bundleFile(file)).hash).not.toBe(before.hash);
  });

  it('may hold CommonJS that asks for modules of Node', async () => {
    const file = join(folder, 'uses-commonjs.ts');
    await writeFile(join(folder, 'old.cjs'), "exports.sep = require('node:path').sep;\n");
    await writeFile(file, "import old from './old.cjs';\nexport const sep = old.sep;\n");
    const { bytes } = await bundleFile(file);
    await writeFile(join(folder, 'commonjs.mjs'), bytes);
    expect(await import(join(folder, 'commonjs.mjs'))).toMatchObject({ sep: '/' });
  });
});

describe('what cannot be bundled is BUNDLE_LOAD_FAILED', () => {
  it('with file and line of a syntax error', async () => {
    const file = join(folder, 'broken.ts');
    await writeFile(file, 'export const fine = 1;\nexport const broken = ;\n');
    await expect(bundleFile(file)).rejects.toMatchObject({
      code: 'BUNDLE_LOAD_FAILED',
      message: expect.stringContaining('broken.ts:2:23: Unexpected ";"'),
    });
  });

  it('with the import that nothing answers to', async () => {
    const file = join(folder, 'lonely.ts');
    await writeFile(file, "import './nowhere.ts';\n");
    await expect(bundleFile(file)).rejects.toMatchObject({
      code: 'BUNDLE_LOAD_FAILED',
      message: expect.stringContaining('lonely.ts:1:8: Could not resolve "./nowhere.ts"'),
    });
  });

  it('with the name of a file that is not there', async () => {
    await expect(bundleFile(join(folder, 'missing.ts'))).rejects.toMatchObject({
      code: 'BUNDLE_LOAD_FAILED',
      message: expect.stringContaining('missing.ts'),
    });
  });

  it('and leaves nothing beside the source', async () => {
    const dir = await mkdtemp(join(folder, 'clean'));
    await cp(join(folder, 'changing.ts'), join(dir, 'a.ts'));
    await bundleFile(join(dir, 'a.ts'));
    await expect(readFile(join(dir, 'bundle.mjs'))).rejects.toThrow('ENOENT');
  });
});
