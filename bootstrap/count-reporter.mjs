/** A vitest reporter that leaves the counts of a run in the file named by TROUPE_TEST_COUNTS. */
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed' || state === 'failed') counts[state] += 1;
        else counts.skipped += 1;
        if (state === 'failed') failedHere += 1;
      }
      // A file that cannot be loaded, or whose hook failed, is one failure.
      if (module.state() === 'failed' && failedHere === 0) counts.failed += 1;
    }
    writeFileSync(process.env.TROUPE_TEST_COUNTS, JSON.stringify(counts));
  }
}
