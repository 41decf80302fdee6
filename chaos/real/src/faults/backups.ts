/**
 * An operator puts an older copy of NATS's data back. No scheduler leads on it; when the newest data
 * is there again everything goes on, and nothing is lost. It comes when all others have been.
 */
import { cpSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Ledger } from '../agents.ts';
import type { ServerMember } from '../cluster/server-member.ts';
import { logDirOf, type Stage } from '../cluster/stage.ts';
import { insist } from '../workloads/workload.ts';
import type { Fault } from './fault.ts';

/** How long the cluster goes on after the copy was made: the copy must be behind. */
const newerMs = 4_000;
const refusalMsMax = 60_000;
const lookMs = 200;

export const restoreData: Fault = {
  lastsMs: [0, 0],
  async inject(stage, random) {
    const servers = stage.natsServers.filter((server) => stage.warden.hold(server));
    await whileStopped(servers, (store) => copy(store, `${store}.copy`));
    // Servers that have just elected a leader may have stored nothing yet: the copy must be behind.
    const operator = stage.operator.actor(Ledger, 'restore-data');
    await insist(() => operator.add(String(random.next())), refusalMsMax);
    await pause(newerMs);
    const said = refusals(stage);
    stage.warden.olderData = true;
    await whileStopped(servers, (store) => {
      renameSync(store, `${store}.newest`);
      renameSync(`${store}.copy`, store);
    });
    const refused = await until(() => refusals(stage) > said, refusalMsMax);
    if (!refused) stage.alarm('an older copy of the data of NATS was not refused by any scheduler');
    // What was not refused is in use, and the newest data is no longer that.
    const newest = (store: string) => {
      if (!refused) return;
      rmSync(store, { recursive: true });
      renameSync(`${store}.newest`, store);
    };
    const count = refusals(stage) - said;
    return {
      target: `${servers.map(({ name }) => name).join(' ')} (${count} refusals)`,
      async undo() {
        await whileStopped(servers, newest);
        stage.warden.olderData = false;
        for (const server of servers) stage.warden.release(server);
      },
      befallen: () => count,
    };
  },
};

/** All are stopped in order, then the store of each is changed, then all start again. */
async function whileStopped(
  servers: readonly ServerMember[],
  change: (store: string) => void,
): Promise<void> {
  await Promise.all(servers.map((server) => server.end('SIGTERM')));
  for (const { server } of servers) change(join(server.dataDir, 'jetstream'));
  await Promise.all(servers.map((server) => server.start()));
}

function copy(source: string, target: string): void {
  rmSync(target, { recursive: true, force: true });
  cpSync(source, target, { recursive: true, preserveTimestamps: true });
}

/** How often schedulers have said that data is behind. */
function refusals({ dir }: Stage): number {
  const logs = readdirSync(logDirOf(dir)).filter((file) => /^s\d+\.log$/.test(file));
  const texts = logs.map((file) => readFileSync(join(logDirOf(dir), file), 'utf8'));
  return texts.reduce((count, text) => count + text.split('DATA_BEHIND').length - 1, 0);
}

async function until(is: () => boolean, msMax: number): Promise<boolean> {
  const end = performance.now() + msMax;
  while (!is()) {
    if (performance.now() > end) return false;
    await pause(lookMs);
  }
  return true;
}
