/**
 * `npm test`: bootstrap, then vitest with the arguments given. The exit code is vitest's; the last
 * line is `N passed, N failed` (and `, N skipped`), for whoever reads the result by machine.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrapOrExit } from './bootstrap.mjs';
import { root } from './locate.mjs';
import { handNode } from './run.mjs';

await bootstrapOrExit();
const folder = mkdtempSync(join(root, '.troupe', 'test-'));
try {
  const countsFile = join(folder, 'counts.json');
  process.env.TROUPE_TEST_COUNTS = countsFile;
  const reporters = ['--reporter=default', '--reporter=./bootstrap/count-reporter.mjs'];
  const args = ['run', ...reporters, ...process.argv.slice(2)];
  const code = await handNode('node_modules/vitest/vitest.mjs', args);
  console.log(closingLine(readCounts(countsFile), code));
  process.exitCode = code;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A run that failed without a failed test, as one that found no test, counts as one failure. */
function closingLine({ passed, failed, skipped }, code) {
  const counted = `${passed} passed, ${code !== 0 ? Math.max(failed, 1) : failed} failed`;
  return skipped === 0 ? counted : `${counted}, ${skipped} skipped`;
}

/** There are none when vitest was interrupted or could not start. */
function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return { passed: 0, failed: 0, skipped: 0 };
    throw error;
  }
}
