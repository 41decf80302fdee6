import { cpSync, rmSync } from 'node:fs';
import { openCoordination, realClock } from '@troupe/fabric';
import type { Server } from '@troupe/fabric/servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitOf, type SchedulerProcess, startScheduler, statusOf } from './scheduler-process.ts';
import { type Servers, startServers } from './servers.ts';

let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());

/** Leads, does something worth keeping, and stops in order. */
async function leadFor(plan: Plan, tenant: string): Promise<void> {
  const scheduler = await startScheduler(plan);
  await waitUntilLeading(scheduler);
  await scheduler.client.call('ClusterService/PutTenant', { tenant, weight: 2 });
  scheduler.kill('SIGTERM');
  await scheduler.exited;
}

interface Plan {
  readonly dir: string;
  readonly name: string;
  readonly config: { readonly [key: string]: unknown };
}

async function waitUntilLeading(scheduler: SchedulerProcess): Promise<void> {
  while (!(await statusOf(scheduler)).process.leading);
}

/** The server's data as it is now, to be put back later over what comes in between. */
async function backUp(server: Server): Promise<{ putBack(): Promise<void> }> {
  const backup = `${server.dataDir}-backup`;
  rmSync(backup, { recursive: true, force: true });
  await server.stop();
  cpSync(server.dataDir, backup, { recursive: true });
  await server.restart();
  return {
    async putBack() {
      await server.stop();
      rmSync(server.dataDir, { recursive: true });
      cpSync(backup, server.dataDir, { recursive: true });
      await server.restart();
    },
  };
}

describe('data that was put back to an older state', () => {
  /** Bites when the mark is not raised, or not looked at before the journal is. */
  test.each(['nats', 'etcd'] as const)(
    'of %s is refused, until its loss is accepted',
    async (name) => {
      const plan = { dir: servers.dir, name: 's1', config: servers.config(`old-${name}`) };
      await leadFor(plan, 'before');
      const backup = await backUp(servers[name]);
      await leadFor(plan, 'after');
      await leadFor(plan, 'later');
      await backup.putBack();

      const { code, said } = await exitOf(plan);
      const last = said.trim().split('\n').at(-1) ?? '';
      expect(code).toBe(5);
      expect(last).toMatch(
        /^DATA_BEHIND: the data of (NATS|etcd) of cell "old-(nats|etcd)" is older/,
      );
      expect(last.toLowerCase()).toContain(`the data of ${name}`);
      expect(last).toMatch(/put the newer data back/);

      const [, key = '', value = ''] = /etcd's key (\S+) hold (\{.*?\})/.exec(last) ?? [];
      const etcd = await openCoordination({ etcd: [servers.etcd.url], clock: realClock });
      const held = await etcd.get(key);
      expect(await etcd.replace(key, held?.value ?? '', value)).toBe(true);
      etcd.close();
      const scheduler = await startScheduler(plan);
      await waitUntilLeading(scheduler);
      const tenants = (await statusOf(scheduler)).tenants.map(({ tenant }) => tenant);
      expect(tenants.includes('before')).toBe(true);
      expect(tenants.includes('after')).toBe(name === 'etcd');
      scheduler.kill('SIGTERM');
      await scheduler.exited;
    },
    60_000,
  );

  test('is refused by a scheduler that ran on meanwhile, too', async () => {
    const plan = { dir: servers.dir, name: 's1', config: servers.config('old-running') };
    await leadFor(plan, 'before');
    const backup = await backUp(servers.nats);
    const scheduler = await startScheduler(plan);
    await waitUntilLeading(scheduler);
    const ask = (tenant: string) =>
      scheduler.client.call('ClusterService/PutTenant', { tenant, weight: 2 });
    await ask('after');
    await backup.putBack();
    ask('later').catch(() => {});
    const { code, said } = await scheduler.exited;
    expect(said).toMatch(/DATA_BEHIND: the data of NATS/);
    expect(code).toBe(5);
  }, 60_000);

  test('is not seen in data that is whole, however often it is stopped and killed', async () => {
    const plan = { dir: servers.dir, name: 's1', config: servers.config('whole') };
    for (let round = 0; round < 3; round++) {
      await leadFor(plan, `t${round}`);
      const killed = await startScheduler(plan);
      await waitUntilLeading(killed);
      killed.kill('SIGKILL');
      await killed.exited;
      for (const server of [servers.etcd, servers.nats]) {
        server.kill('SIGKILL');
        await server.restart();
      }
    }
  }, 60_000);
});
