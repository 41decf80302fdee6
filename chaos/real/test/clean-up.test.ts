/** However the suite ends, nothing of it is left on the machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { noNetwork } from '@troupe/chaos-faults';
import { afterAll, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'troupe-chaos-end-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const missing = noNetwork();

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A process that has just ended.
    return '';
  }
}

/** Processes, mounts and namespaces that the suite of that pid made in its folder. */
function left(pid: number): string[] {
  const processes = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && name !== String(pid) && isOurs(`/proc/${name}/cmdline`),
  );
  const mounts = read('/proc/mounts')
    .split('\n')
    .filter((line) => line.includes(dir));
  const named = `troupe${pid % 10_000}`;
  const net = [...readdirSync('/sys/class/net'), ...readdirSync('/run/netns')].filter(
    (name) => name === named || name.startsWith(`${named}-`),
  );
  return [...processes, ...mounts, ...net];
}

/** Under a run whose history finds no room any more once it has told some operations. */
const fullDisk = join(dir, 'full-disk.mjs');
writeFileSync(
  fullDisk,
  `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { writeSync } = fs;
let left = 50;
fs.writeSync = (file, text) => {
  if (String(text).startsWith('{"kind":"operation"')) left -= 1;
  if (left < 0) throw new Error('no space left on device');
  return writeSync(file, text);
};
syncBuiltinESMExports();
`,
);

const isOurs = (file: string) => read(file).includes(dir);

it.skipIf(missing !== undefined).each(['SIGINT', 'SIGKILL'] as const)(
  `a suite ended by %s in the middle leaves no process, mount or namespace ${missing ?? ''}`.trim(),
  async (signal) => {
    const only = 'kill-node,fill-etcd-disk';
    const words = [
      '--for',
      '1m',
      '--nodes',
      '2',
      '--schedulers',
      '1',
      '--only',
      only,
      '--dir',
      dir,
    ];
    const suite = spawn(process.execPath, [main, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const { pid = 0 } = suite;
    const lines = createInterface({ input: suite.stderr });
    await new Promise<void>((resolve, reject) => {
      suite.once('exit', (code) => reject(new Error(`it ended with ${code} by itself`)));
      lines.on('line', (line) => line.endsWith('the cluster is up') && resolve());
    });
    expect(left(pid).length).toBeGreaterThan(8);
    suite.removeAllListeners('exit');
    suite.kill(signal);
    await once(suite, 'exit');
    await expect.poll(() => left(pid)).toEqual([]);
  },
  120_000,
);

it.skipIf(missing !== undefined)(
  `a suite that breaks off in a client proves nothing, and leaves nothing ${missing ?? ''}`.trim(),
  async () => {
    const only = ['--only', 'kill-node', '--dir', join(dir, 'broken-off')];
    const words = ['--for', '1m', '--nodes', '1', '--schedulers', '1', ...only];
    const suite = spawn(process.execPath, ['--import', fullDisk, main, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: string[] = [];
    suite.stderr.on('data', (text) => said.push(String(text)));
    const [code] = await once(suite, 'close');
    expect(said.join('')).toContain('Error: no space left on device');
    expect(code, said.join('')).toBe(3);
    await expect.poll(() => left(suite.pid ?? 0)).toEqual([]);
  },
  120_000,
);
