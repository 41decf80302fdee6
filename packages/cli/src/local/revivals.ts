/**
 * Wishes that a node or scheduler of the local cluster be started again after its next end. `troupe
 * up` leaves what ended away, since its loss is what people want to see; who puts the cluster under
 * faults says beforehand what is to come back, and need not live to see it.
 *
 * W1  a wish holds for one end, and none after its time.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const wish = z.object({
  /** How long the process stays away. */
  afterMs: z.number(),
  /** Wall clock: an end after that is nobody's of whom we know. */
  untilMs: z.number(),
});

export type RevivalWish = z.infer<typeof wish>;

export function wishRevival(dataDir: string, name: string, wished: RevivalWish): void {
  const file = fileOf(dataDir, name);
  mkdirSync(join(dataDir, 'revivals'), { recursive: true });
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, `${JSON.stringify(wished)}\n`);
  renameSync(aside, file);
}

/** The wish for an end that has just been seen, which is no wish from then on (W1). */
export function takeRevival(dataDir: string, name: string): RevivalWish | undefined {
  const file = fileOf(dataDir, name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Nobody wished for it.
    return undefined;
  }
  rmSync(file, { force: true });
  const wished = wish.parse(JSON.parse(text));
  return wished.untilMs < Date.now() ? undefined : wished;
}

export function dropRevival(dataDir: string, name: string): void {
  rmSync(fileOf(dataDir, name), { force: true });
}

function fileOf(dataDir: string, name: string): string {
  return join(dataDir, 'revivals', `${name}.json`);
}
