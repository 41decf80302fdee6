// Preloaded into a scheduler: at SIGUSR2 its heap is filled to nine tenths of its limit with what stays, and all
// garbage is collected, as it would be by itself sooner or later.
const { isMainThread } = require('node:worker_threads');
const { getHeapStatistics, setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

const arrayBytes = 1_024;
const ballast = [];

if (isMainThread) {
  process.on('SIGUSR2', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    const limit = 0.9 * getHeapStatistics().heap_size_limit;
    for (collect(); process.memoryUsage().heapUsed < limit; collect()) {
      const room = limit - process.memoryUsage().heapUsed;
      for (let left = room; left > 0; left -= arrayBytes)
        ballast.push(new Array(arrayBytes / 8).fill(0));
    }
  });
}
