/** What a network does to one node's links, on real processes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ledger } from '../src/agents.ts';
import { lookAround } from '../src/cluster/setting.ts';
import { logDirOf, openStage, type Stage } from '../src/cluster/stage.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-links-'));
const alarms: string[] = [];
let stage: Stage;

beforeAll(async () => {
  const alarm = (what: string) => alarms.push(what);
  const setting = await lookAround({ nodes: 2, schedulers: 1, place: 'loopback' });
  stage = await openStage({
    setting,
    dir,
    disks: [],
    upgrades: false,
    alarm,
    say: () => undefined,
  });
});

afterAll(async () => {
  await stage?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Why nodes were taken for dead, in the words of the leader's log. */
async function takenOut(): Promise<readonly string[]> {
  await stage.bringLogs();
  const logs = readdirSync(logDirOf(dir)).map((file) => readFileSync(join(logDirOf(dir), file)));
  const lines = logs.flatMap((log) => log.toString().split('\n'));
  return lines.filter((line) => line.includes('a node is taken out for good'));
}

it('a node whose links are reset connects again and is not taken for dead', async () => {
  const keys = Array.from({ length: 8 }, (_, index) => `k${index}`);
  for (let round = 0; round < 6; round += 1) {
    await expect.poll(() => stage.proxy?.reset('n1'), { timeout: 10_000 }).toBeGreaterThan(0);
    for (const key of keys) {
      // A machine that is short of cpu is slow, and that is not what this is about.
      await stage.operator.actor(Ledger, key, { deadlineMs: 60_000 }).add(`${round}`);
    }
  }
  const { counts, nodes } = await stage.operator.status();
  expect(await takenOut()).toEqual([]);
  expect(counts.nodesLost).toBe(0);
  expect(nodes.filter(({ state }) => state === 'alive')).toHaveLength(2);
  expect(alarms).toEqual([]);
});
