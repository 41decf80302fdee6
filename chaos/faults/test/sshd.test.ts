import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNetwork, type Network, noNetwork, noSshd, sshdOn } from '../src/index.ts';

const missing = noNetwork() ?? noSshd;

describe.skipIf(missing !== undefined)(`ssh to a machine ${missing ?? ''}`.trim(), () => {
  let network: Network;
  let folder: string;
  beforeAll(() => {
    network = makeNetwork(['a']);
    folder = mkdtempSync(join(tmpdir(), 'troupe-sshd-'));
  });
  afterAll(() => {
    network.remove();
    rmSync(folder, { recursive: true });
  });

  it('is at home there: it runs nothing of our own home, where a killed machine would leave locks', async () => {
    const [machine] = network.machines;
    if (machine === undefined) throw new Error('no machine');
    const { boot, target, keyFile } = sshdOn(machine, join(folder, 'sshd'));
    await boot();
    const home = over(target, keyFile, 'echo "$HOME"').trim();
    expect(home).not.toBe(homedir());
    expect(home.startsWith(folder)).toBe(true);
    expect(over(target, keyFile, 'node --version').trim()).toBe(process.version);
  });
});

function over(target: string, keyFile: string, command: string): string {
  const [address = '', port = ''] = target.split(':');
  const trusting = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
  const quiet = ['-F', 'none', '-o', 'LogLevel=ERROR', '-o', 'IdentitiesOnly=yes'];
  const args = [...quiet, ...trusting, '-i', keyFile, '-p', port, address, command];
  return execFileSync('ssh', args, { encoding: 'utf8' });
}
