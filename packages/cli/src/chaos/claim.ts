/** One command at a time puts a cluster under faults: what two measure is neither's. */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TroupeError } from '@troupe/model';
import { z } from 'zod';
import { identityOf, isRunning } from '../local/identity.ts';

const claim = z.object({ pid: z.number(), identity: z.string() });

/** Answers with how to give it back. */
export function claimChaos(dataDir: string): () => void {
  const file = join(dataDir, 'chaos.json');
  const mine = { pid: process.pid, identity: identityOf(process.pid) ?? '' };
  const aside = `${file}.${process.pid}`;
  for (;;) {
    writeFileSync(aside, `${JSON.stringify(mine)}\n`);
    try {
      // Whole or not at all: nobody reads half of it.
      linkSync(aside, file);
      return () => rmSync(file, { force: true });
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    } finally {
      rmSync(aside, { force: true });
    }
    const other = holder(file);
    if (other !== undefined && isRunning(other)) {
      throw new TroupeError({
        code: 'ALREADY_EXISTS',
        message: `another \`troupe chaos\` (pid ${other.pid}) is at work on this cluster; wait for its end`,
        details: { pid: other.pid },
      });
    }
    rmSync(file, { force: true });
  }
}

function holder(file: string) {
  try {
    return claim.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    // It went meanwhile, or is nobody's.
    return undefined;
  }
}
