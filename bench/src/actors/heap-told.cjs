// Loaded before the program of a process that is measured: on SIGUSR2 it collects its garbage and
// writes what it holds into the file that it was told.
const { writeFileSync, renameSync } = require('node:fs');

const file = `${process.env.TROUPE_BENCH_HEAP}.${process.pid}`;
process.on('SIGUSR2', () => {
  globalThis.gc();
  globalThis.gc();
  writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
  renameSync(`${file}.new`, file);
});
