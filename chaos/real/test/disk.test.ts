/** Disks are had where they can be, and left out where root may mount none. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { noDisk } from '../src/cluster/disk.ts';

const setpriv = '/usr/bin/setpriv';
const missing = noDisk();

it.skipIf(missing !== undefined || !existsSync(setpriv))(
  `root that may mount nothing, as in most containers, is told so, and nothing is left ${missing ?? ''}`.trim(),
  () => {
    const module = new URL('../dist/cluster/disk.js', import.meta.url).href;
    const script = `const { noDisk } = await import('${module}'); process.stdout.write(noDisk() ?? '');`;
    const words = ['--bounding-set=-sys_admin', '--inh-caps=-all', process.execPath];
    const { stdout } = spawnSync(setpriv, [...words, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('loop mounts are not let here, as in most containers');
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain('troupe-disk-');
  },
);
