/** A bit of a stored checkpoint is another one on the disk of NATS, on a real cluster. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { names } from '@troupe/fabric';
import { cellName } from '@troupe/model';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const patient = { deadlineMs: 60_000 };
let stage: Scene;
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'troupe-lost-'));
});
afterEach(async () => {
  await stage?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Ends NATS, flips a bit of this text in the files that hold checkpoints, and starts it again. */
async function flipOnDisk(text: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const { cluster } = stage;
  const nats = cluster.servers.processes.find(({ kind }) => kind === 'nats');
  nats?.kill(signal);
  await nats?.exited;
  const { checkpointStream } = names(cellName(cluster.cell));
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  let flips = 0;
  for (const name of files) {
    if (!name.includes(`${checkpointStream}/`) || !name.endsWith('.blk')) continue;
    const file = join(dataDir, name);
    const found = readFileSync(file);
    const at = found.lastIndexOf(text);
    if (at < 0) continue;
    found[at] = (found[at] ?? 0) ^ 1;
    writeFileSync(file, found);
    flips += 1;
  }
  expect(flips).toBe(1);
  await cluster.restart('nats');
}

/** It leaves memory with a checkpoint of this turn. */
async function stored(key: string, turn: number): Promise<void> {
  await stage.troupe.actors.stop(Counter, key);
  await stage.until(`turn ${turn} is stored`, async () => {
    const [last] = await stage.troupe.checkpoints.list(Counter, key);
    return last !== undefined && 'turn' in last && last.turn === turn;
  });
}

const nodeConfig = { checkpointMs: 600_000, rebaseMs: 600_000 };

// Ended in order, NATS says that the last one is not there; killed, it gives the one before it.
it.each(['SIGTERM', 'SIGKILL'] as const)(
  'an actor lives with all its turns when a bit of its last checkpoint flips on the disk of NATS, which ends by %s',
  async (signal) => {
    stage = await scene({ nodes: 1, dataDir, nodeConfig });
    const { troupe, cluster } = stage;
    const counter = troupe.actor(Counter, 'lost', patient);
    await counter.add('a');
    await stored('lost', 1);
    await counter.add('the one that flips');
    await stored('lost', 2);
    await flipOnDisk('the one that flips', signal);
    // On the node that knows which one was stored.
    expect(await counter.ids()).toEqual(['a', 'the one that flips']);
    await stage.until('another one is stored', async () => {
      const [last] = await troupe.checkpoints.list(Counter, 'lost');
      return last !== undefined && 'turn' in last && last.cause === 'repair' && last.turn === 2;
    });
    expect(await counter.add('c')).toBe(3);
    await stored('lost', 3);
    expect(await counter.add('d')).toBe(4);
    await flipOnDisk('the one that flips', signal);
    // On one that has to read the log of the other.
    await cluster.startNode({ name: 'heir' });
    cluster.nodes.find(({ name }) => name === 'n1')?.kill('SIGKILL');
    expect(await counter.add('e')).toBe(5);
    expect(await counter.ids()).toEqual(['a', 'the one that flips', 'c', 'd', 'e']);
  },
);
