/** A cluster of its own for the tests of one file, with a bundle deployed, as a person at a terminal has one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Ran, troupe } from './run-command.ts';

export interface OwnCluster {
  /** Its data lie there; whatever else the tests put there goes with it. */
  readonly folder: string;
  run(args: readonly string[]): Promise<Ran>;
  /** What the command answers under `--json`, when it has done what it was told. */
  json(...args: string[]): Promise<unknown>;
}

/** `fixture`: a file of `fixtures/`, which is deployed. */
export function ownCluster(fixture: string): OwnCluster {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-cli-'));
  const run = (args: readonly string[]) =>
    troupe([...args, '--data', folder], { env: { COLUMNS: '0' } });
  beforeAll(async () => {
    const up = await run(['up', '--detach', '--nodes', '1', '--port', '0']);
    expect(up).toMatchObject({ code: 0 });
    const bundle = fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url));
    expect(await run(['deploy', bundle])).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await troupe(['down', '--data', folder]);
    rmSync(folder, { recursive: true });
  });
  return {
    folder,
    run,
    async json(...args) {
      const ran = await run([...args, '--json']);
      expect(ran).toMatchObject({ code: 0 });
      return JSON.parse(ran.stdout);
    },
  };
}
