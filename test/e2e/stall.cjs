// Preloaded into a node: at SIGUSR2 its loop stands still for 6 s, as in a long collection of garbage.
const { isMainThread } = require('node:worker_threads');

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const end = performance.now() + 6_000;
    while (performance.now() < end);
  });
}
