import { type Batch, BatchReader, openFabric, silentLogger } from '@troupe/fabric';
import { decode, encode, encodeValue, logName, type Manifest, tenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parsedConfig } from '../src/config.ts';
import { playNode } from './played-node.ts';
import { type SchedulerProcess, startScheduler, statusOf } from './scheduler-process.ts';
import { type Servers, startServers } from './servers.ts';

const manifest: Manifest = {
  sdk: '0.1.0',
  actors: [],
  tasks: [{ name: 'work', resources: { cpu: 1 }, retries: 0, backoffMs: [], limitMs: 60_000 }],
  workflows: [],
};

let servers: Servers;
let cells = 0;
let config: { readonly [key: string]: unknown };
let started: SchedulerProcess[];

beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());
beforeEach(() => {
  config = servers.config(`replicas-${++cells}`);
  started = [];
});
afterEach(async () => {
  for (const scheduler of started) scheduler.kill('SIGKILL');
  await Promise.all(started.map((scheduler) => scheduler.exited));
});

async function start(name: string, scheduler: object = {}): Promise<SchedulerProcess> {
  const one = await startScheduler({ dir: servers.dir, name, config, scheduler });
  started.push(one);
  return one;
}

async function leaderOf(replicas: readonly SchedulerProcess[]): Promise<SchedulerProcess> {
  const first = replicas[0];
  if (first === undefined) throw new Error('no replica is left');
  const { leader } = await statusOf(first);
  const found = replicas.find((replica) => replica.name === leader);
  if (found === undefined) throw new Error(`${leader} leads, which is none of these`);
  return found;
}

let weights = 0;

function putTenant(scheduler: SchedulerProcess, tenant: string, weight: number) {
  return scheduler.client.call('ClusterService/PutTenant', { tenant, weight });
}

/** So long that a takeover within it is not owed to its end. */
const longLease = { leaseMs: 30_000 };

describe('three schedulers', () => {
  test('have one leader; when it is killed another one leads long before its lease ends', async () => {
    const replicas = await Promise.all(['s1', 's2', 's3'].map((name) => start(name, longLease)));
    const leader = await leaderOf(replicas);
    const said = await Promise.all(replicas.map((replica) => statusOf(replica)));
    expect(new Set(said.map((status) => status.leader)).size).toBe(1);
    expect(said.filter((status) => status.process.leading)).toHaveLength(1);
    await putTenant(leader, 'before', 2);

    const rest = replicas.filter((replica) => replica !== leader);
    leader.kill('SIGKILL');
    await leader.exited;
    const killedAt = performance.now();
    await Promise.all(rest.map((replica, i) => putTenant(replica, `after-${i}`, 3)));
    const tookMs = performance.now() - killedAt;
    expect(tookMs).toBeLessThan(longLease.leaseMs / 2);

    const status = await statusOf(rest[0] ?? leader);
    expect(status.leader).not.toBe(leader.name);
    expect(status.term.number).toBeGreaterThan(said[0]?.term.number ?? 0);
    const names = status.tenants.map(({ tenant }) => tenant);
    expect(names).toEqual(expect.arrayContaining(['before', 'after-0', 'after-1']));
  });

  test('hand over at once when the leader is stopped, which exits with 0', async () => {
    const replicas = await Promise.all(['s1', 's2'].map((name) => start(name, longLease)));
    const leader = await leaderOf(replicas);
    const [other] = replicas.filter((replica) => replica !== leader);
    if (other === undefined) throw new Error('there is no other');
    const stoppedAt = performance.now();
    leader.kill('SIGTERM');
    await putTenant(other, 'after', 1);
    expect(performance.now() - stoppedAt).toBeLessThan(longLease.leaseMs / 2);
    expect(await leader.exited).toMatchObject({ code: 0 });
    expect((await statusOf(other)).process.leading).toBe(true);
  });

  test('take a leader that stood still for a dead one, and it follows when it is back', async () => {
    const replicas = await Promise.all([start('s1'), start('s2')]);
    const leader = await leaderOf(replicas);
    const [other] = replicas.filter((replica) => replica !== leader);
    if (other === undefined) throw new Error('there is no other');
    leader.kill('SIGSTOP');
    await putTenant(other, 'meanwhile', 1);
    leader.kill('SIGCONT');
    await putTenant(leader, 'afterwards', 1);
    const status = await statusOf(leader);
    expect(status.process.leading).toBe(false);
    expect(status.leader).toBe(other.name);
    const names = status.tenants.map(({ tenant }) => tenant);
    expect(names).toEqual(expect.arrayContaining(['meanwhile', 'afterwards']));
  });

  test('give up the lease of a leader that the journal refuses, which acts under a new one only', async () => {
    const leader = await start('s1', longLease);
    await putTenant(leader, 'before', 2);
    const before = await statusOf(leader);
    const rival = await openRival();
    try {
      const refused = await rival.holder();
      // Whoever has written here leads, whatever the lease of the other one says.
      await rival.write({ kind: 'tenant-put', tenant: tenantName('theirs'), weight: 5 });
      await putTenant(leader, 'after', 3);
      const { term, tenants } = await statusOf(leader);
      expect(term.number).toBeGreaterThan(before.term.number);
      const weights = new Map(tenants.map(({ tenant, weight }) => [tenant, weight]));
      expect(['before', 'theirs', 'after'].map((name) => weights.get(name))).toEqual([2, 5, 3]);
      const holder = await rival.holder();
      expect(holder.createRevision).toBeGreaterThan(refused.createRevision);
      expect(holder.lease).not.toBe(refused.lease);
      await expect.poll(() => isLeaseKnown(refused.lease)).toBe(false);
      expect(await isLeaseKnown(holder.lease)).toBe(true);
    } finally {
      await rival.close();
    }
  });

  test('answer a task submitted before the leader was killed, having run it once', async () => {
    const replicas = await Promise.all([start('s1'), start('s2')]);
    const leader = await leaderOf(replicas);
    const [other] = replicas.filter((replica) => replica !== leader);
    if (other === undefined) throw new Error('there is no other');
    const node = await playNode(config, 'n1', manifest);
    try {
      await other.client.deploy([{ chunk: Buffer.from('bundle') }]);
      const request = { task: 'task-1', name: 'work', json: '{"n":1}' };
      const answer = other.client.call('TasksService/Submit', request, 30_000);
      await expect.poll(() => node.tasks.length, { timeout: 10_000 }).toBeGreaterThan(0);
      leader.kill('SIGKILL');
      await leader.exited;
      await putTenant(other, 'after', 1);
      const [task] = node.tasks;
      if (task === undefined) throw new Error('the task did not come');
      // A node says it until the leader has seen it.
      const saying = setInterval(() => {
        node.finish(task, { ok: true, value: encodeValue({ sum: 42 }) });
      }, 200);
      expect(await answer).toMatchObject({ json: '{"sum":42}' });
      clearInterval(saying);
      expect(new Set(node.tasks.map(({ attempt }) => attempt)).size).toBe(1);
      // The same id again is the same task.
      const again = await other.client.call('TasksService/Submit', request, 30_000);
      expect(again).toMatchObject({ json: '{"sum":42}' });
    } finally {
      await node.close();
    }
  });
});

describe('the journal', () => {
  test.each([
    ['by a standby', ['s1', 's2']],
    ['beside a leader that is alone', ['s1']],
  ])('is trimmed behind an image written %s, and a fresh start finds it', async (_, names) => {
    const images = { imageEveryFacts: 60 };
    const replicas = await Promise.all(names.map((name) => start(name, images)));
    const [first] = replicas;
    if (first === undefined) throw new Error('none started');
    for (let i = 0; i < 200; i++) await putTenant(first, `t-${i}`, 1 + i);
    const front = await journalFront();
    try {
      // The front goes with the second image: the journal before it is kept for the first.
      const trimmed = () => busyUntil(first, front.first);
      await expect.poll(trimmed, { timeout: 30_000 }).toBeGreaterThan(10);
      for (const replica of replicas) replica.kill('SIGKILL');
      await Promise.all(replicas.map((replica) => replica.exited));
      const fresh = await start('s9', images);
      const { tenants } = await statusOf(fresh);
      const weights = new Map(tenants.map(({ tenant, weight }) => [tenant, weight]));
      for (let i = 0; i < 200; i++) expect(weights.get(`t-${i}`)).toBe(1 + i);
      expect(await front.first()).toBeGreaterThan(10);
    } finally {
      await front.close();
    }
  });

  test('whose last image is damaged is read from the one before it', async () => {
    const images = { imageEveryFacts: 40 };
    const scheduler = await start('s1', images);
    const front = await journalFront();
    try {
      for (let i = 0; i < 150; i++) await putTenant(scheduler, `t-${i}`, 1 + i);
      const written = () => busyUntil(scheduler, () => front.images.length);
      await expect.poll(written, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
      scheduler.kill('SIGKILL');
      await scheduler.exited;
      await front.objects.delete(front.images.at(-1) ?? '');
      const fresh = await start('s9', images);
      const { tenants } = await statusOf(fresh);
      const weights = new Map(tenants.map(({ tenant, weight }) => [tenant, weight]));
      for (let i = 0; i < 150; i++) expect(weights.get(`t-${i}`)).toBe(1 + i);
    } finally {
      await front.close();
    }
  });

  test('keeps its last two images and frees the older ones', async () => {
    const scheduler = await start('s1', { imageEveryFacts: 30 });
    const front = await journalFront();
    try {
      for (let round = 1; round <= 4; round++) {
        for (let i = 0; i < 40; i++) await putTenant(scheduler, `t-${i}`, round);
        const written = () => front.images.length;
        await expect.poll(written, { timeout: 30_000 }).toBeGreaterThanOrEqual(round);
      }
      const kept = async () => {
        const there = await Promise.all(front.images.map((image) => front.objects.has(image)));
        return there.map((has, i) => has === i >= front.images.length - 2);
      };
      await expect.poll(kept, { timeout: 10_000 }).not.toContain(false);
    } finally {
      await front.close();
    }
  });
});

/** Whether etcd has the lease: of one that it does not know it tells a negative time. */
async function isLeaseKnown(lease: string): Promise<boolean> {
  const body = JSON.stringify({ ID: lease });
  const answer = await fetch(`${servers.etcd.url}/v3/lease/timetolive`, { method: 'POST', body });
  const { TTL: seconds } = (await answer.json()) as { readonly TTL: string };
  return Number(seconds) >= 0;
}

/** Writes to the journal as another scheduler would, and sees who holds the lead in etcd. */
async function openRival() {
  const fabric = await openFabric({
    config: parsedConfig(config),
    name: 'rival',
    logger: silentLogger,
  });
  const { coordination, logs, names } = fabric;
  const journal = logName('journal-1');
  return {
    async holder() {
      const held = await coordination.get(names.keys.leader);
      if (held === undefined) throw new Error('nobody holds the lead');
      return held;
    },
    async write(fact: SchedulerFact) {
      // First, so that its append is refused if anything is written after what is read.
      const writer = await logs.writer(journal);
      const reader = new BatchReader<SchedulerFact>();
      for await (const { kind, body } of logs.read(journal, 1)) {
        if (kind === 'rec') reader.push(decode<Batch<SchedulerFact>>(body));
      }
      await writer.append([encode({ first: reader.nextFact, facts: [fact], last: true })]);
    },
    close: () => fabric.close(),
  };
}

/** Something more is journaled before it is looked. */
async function busyUntil<T>(scheduler: SchedulerProcess, look: () => T | Promise<T>): Promise<T> {
  for (let i = 0; i < 10; i++) await putTenant(scheduler, 'busy', ++weights);
  return await look();
}

/** Looks at the journal itself: the position of its first record behind the opening. */
async function journalFront() {
  const fabric = await openFabric({
    config: parsedConfig(config),
    name: 'looker',
    logger: silentLogger,
  });
  const images: string[] = [];
  await fabric.logs.follow(logName('journal-1'), 2, {
    record: ({ body }) => {
      for (const fact of decode<Batch<SchedulerFact>>(body).facts) {
        if (fact.kind === 'image-stored') images.push(fact.object);
      }
    },
    caughtUp: () => {},
    broken: () => {},
  });
  return {
    /** Objects of the images, in the order in which the journal named them. */
    images,
    objects: fabric.objects,
    async first(): Promise<number> {
      for await (const record of fabric.logs.read(logName('journal-1'), 2)) return record.position;
      return 0;
    },
    close: () => fabric.close(),
  };
}
