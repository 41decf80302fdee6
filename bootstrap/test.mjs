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
  const resultFile = join(folder, 'result.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${resultFile}`];
  const args = ['run', ...reporters, ...process.argv.slice(2)];
  const code = await handNode('node_modules/vitest/vitest.mjs', args);
  console.log(closingLine(readResult(resultFile), code));
  process.exitCode = code;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A file that cannot be loaded, or an error outside of every test, counts as one failure. */
function closingLine(result, code) {
  const files = result?.testResults ?? [];
  const brokenFiles = files.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const passed = result?.numPassedTests ?? 0;
  const failed = (result?.numFailedTests ?? 0) + brokenFiles.length;
  const skipped = (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0);
  const counted = `${passed} passed, ${failed === 0 && code !== 0 ? 1 : failed} failed`;
  return skipped === 0 ? counted : `${counted}, ${skipped} skipped`;
}

/** vitest writes no result when it was interrupted or could not start. */
function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
