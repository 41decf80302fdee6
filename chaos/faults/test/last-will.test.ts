import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { noNetwork } from '../src/index.ts';

const program = fileURLToPath(new URL('programs/network.mjs', import.meta.url));
const missing = noNetwork();

it.skipIf(missing !== undefined).each(['SIGINT', 'SIGKILL'] as const)(
  `W1: a network whose maker ends by %s leaves nothing behind ${missing ?? ''}`.trim(),
  async (signal) => {
    const maker = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(createInterface({ input: maker.stdout }), 'line');
    const { namespace, pid }: { namespace: string; pid: number } = JSON.parse(String(line));
    const bridge = namespace.replace(/-\d+$/, '');
    const left = () =>
      [`/run/netns/${namespace}`, `/sys/class/net/${bridge}`, `/proc/${pid}`].filter(existsSync);
    expect(left()).toHaveLength(3);
    maker.kill(signal);
    await expect.poll(left).toEqual([]);
  },
);
