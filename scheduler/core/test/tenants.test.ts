import { type Quota, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ok, Scene } from './scene.ts';

const tenant = tenantName('default');

/** A tenant with a quota, and a node with room for all of its tasks. */
function sceneWith(quota: Quota): Scene {
  const scene = new Scene();
  scene.deploys();
  scene.joins('n1.aaaaaaaa', { cpu: 100 });
  scene.asks({ kind: 'put-tenant', tenant, weight: 1, quota });
  return scene;
}

function startedIn(scene: Scene): number {
  return scene.decided('task-started').length;
}

describe('the quota of a tenant', () => {
  it('bounds what runs at once, also under the next leader, until it is changed', () => {
    const scene = sceneWith({ inFlightMax: 2 });
    for (let i = 0; i < 6; i++) scene.submits(`t${i}`);
    expect(startedIn(scene)).toBe(2);
    scene.finishes('t0');
    expect(startedIn(scene)).toBe(3);
    scene.failOver();
    scene.pass(10);
    expect(startedIn(scene)).toBe(3);
    scene.asks({ kind: 'put-tenant', tenant, weight: 2 });
    expect(startedIn(scene)).toBe(3);
    scene.asks({ kind: 'put-tenant', tenant, weight: 2, quota: { inFlightMax: 5 } });
    expect(startedIn(scene)).toBe(6);
  });

  it('bounds starts in a second, and goes on by itself', () => {
    const scene = sceneWith({ startsPerSecondMax: 2 });
    for (let i = 0; i < 10; i++) scene.submits(`t${i}`);
    expect(startedIn(scene)).toBe(2);
    scene.pass(1_020);
    expect(startedIn(scene)).toBe(4);
    scene.pass(3_000);
    expect(startedIn(scene)).toBe(10);
  });

  it('bounds what waits: more is refused, with the time in which there is room again', () => {
    const scene = sceneWith({ inFlightMax: 1, queuedMax: 3 });
    for (let i = 0; i < 4; i++) scene.submits(`t${i}`);
    for (let i = 0; i < 2; i++) {
      scene.pass(400);
      scene.finishes(`t${i}`, ok(1), 400);
      scene.submits(`more${i}`);
    }
    const refused = scene.answer(scene.submits('too-much'));
    expect(refused).toMatchObject({
      failure: { code: 'RESOURCE_EXHAUSTED', details: { tenant, retryAfterMs: 400 } },
    });
  });

  it.each([
    { cpuMax: -1 },
    { memoryMax: 0 },
    { inFlightMax: 0.5 },
    { queuedMax: Number.NaN },
    { startsPerSecondMax: Number.POSITIVE_INFINITY },
  ])('is refused as %j, and nothing is changed', (quota) => {
    const scene = sceneWith({ inFlightMax: 3 });
    const answer = scene.asks({ kind: 'put-tenant', tenant, weight: 9, quota });
    expect(scene.code(answer)).toBe('INVALID_ARGUMENT');
    const [known] = scene.machine.durable().deployments.tenants;
    expect(known).toMatchObject({ weight: 1, quota: { inFlightMax: 3 } });
  });

  it('is changed limit by limit, and each can be lifted again', () => {
    const scene = sceneWith({ inFlightMax: 2, cpuMax: 50 });
    for (let i = 0; i < 6; i++) scene.submits(`t${i}`);
    scene.asks({ kind: 'put-tenant', tenant, quota: { memoryMax: 9 } });
    expect(startedIn(scene)).toBe(2);
    const lifted = scene.asks({ kind: 'put-tenant', tenant, quota: { inFlightMax: null } });
    expect(lifted).toMatchObject({ settings: { weight: 1, quota: { cpuMax: 50, memoryMax: 9 } } });
    expect(startedIn(scene)).toBe(6);
  });

  it('that is put again as it is gives its rate no new start', () => {
    const scene = sceneWith({ startsPerSecondMax: 2 });
    for (let i = 0; i < 10; i++) scene.submits(`t${i}`);
    for (let weight = 1; weight < 5; weight++) {
      scene.asks({ kind: 'put-tenant', tenant, weight, quota: { startsPerSecondMax: 2 } });
    }
    expect(startedIn(scene)).toBe(2);
  });

  it.each(['facts', 'image'] as const)(
    'gives its rate no new start by a change of leaders, read from %s',
    (from) => {
      const scene = sceneWith({ startsPerSecondMax: 2 });
      for (let i = 0; i < 20; i++) scene.submits(`t${i}`);
      for (let leaders = 0; leaders < 4; leaders++) scene.failOver(from);
      expect(startedIn(scene)).toBe(2);
      scene.pass(1_020);
      expect(startedIn(scene)).toBe(4);
      scene.failOver(from);
      expect(startedIn(scene)).toBe(4);
      // What passed while it was led counts, and no more than a second's worth is saved.
      scene.pass(20_000);
      expect(startedIn(scene)).toBe(20);
      for (let i = 0; i < 20; i++) scene.submits(`more${i}`);
      scene.failOver(from);
      expect(startedIn(scene) - 20).toBe(2);
    },
  );

  it('gives its rate no new start when another limit of it is put, or another rate and back', () => {
    const scene = sceneWith({ startsPerSecondMax: 2 });
    for (let i = 0; i < 20; i++) scene.submits(`t${i}`);
    for (const quota of [{ queuedMax: 50 }, { startsPerSecondMax: 3 }, { startsPerSecondMax: 2 }]) {
      scene.asks({ kind: 'put-tenant', tenant, quota });
      expect(startedIn(scene)).toBe(2);
    }
    scene.pass(1_020);
    expect(startedIn(scene)).toBe(4);
  });

  it('lets a raised rate count from when it is raised', () => {
    const scene = sceneWith({ startsPerSecondMax: 1 });
    scene.submits('t0');
    scene.pass(500);
    scene.asks({ kind: 'put-tenant', tenant, quota: { startsPerSecondMax: 10 } });
    for (let i = 1; i < 20; i++) scene.submits(`t${i}`);
    expect(startedIn(scene)).toBe(1);
    scene.pass(60);
    expect(startedIn(scene)).toBe(2);
  });

  it('is put for a tenant that exists, where that was asked for', () => {
    const scene = sceneWith({});
    const typo = { kind: 'put-tenant', tenant: tenantName('acmee'), weight: 2 } as const;
    expect(scene.code(scene.asks({ ...typo, existing: true }))).toBe('UNKNOWN_TENANT');
    expect(scene.code(scene.asks(typo))).toBe('tenant');
    expect(scene.code(scene.asks({ ...typo, existing: true }))).toBe('tenant');
  });

  it('stands in the image that a restore reads', () => {
    const scene = sceneWith({ inFlightMax: 2, memoryMax: 8 });
    const { tenants } = scene.machine.durable().deployments;
    expect(tenants[0]).toMatchObject({ quota: { inFlightMax: 2, memoryMax: 8 } });
  });
});

describe('a task', () => {
  it('with a bare number for its priority is refused, and so is a tenant', () => {
    const scene = sceneWith({});
    const answer = scene.answer(scene.submits('t', { priority: 3 as never }));
    expect(answer).toMatchObject({ failure: { code: 'INVALID_ARGUMENT' } });
    const put = scene.asks({ kind: 'put-tenant', tenant, priority: 3 as never });
    expect(put).toMatchObject({ failure: { code: 'INVALID_ARGUMENT' } });
  });
});

describe('a weight', () => {
  const queue = 'mails';
  it.each([1e-307, 9e-7, 0, -1, 1_000_001, Number.NaN, Number.POSITIVE_INFINITY])(
    'of %d is refused, for a tenant and for its queues',
    (weight) => {
      const scene = sceneWith({});
      const ofTenant = scene.asks({ kind: 'put-tenant', tenant, weight });
      expect(scene.code(ofTenant)).toBe('INVALID_ARGUMENT');
      const ofQueue = scene.asks({ kind: 'put-tenant', tenant, queues: [{ queue, weight }] });
      expect(scene.code(ofQueue)).toBe('INVALID_ARGUMENT');
    },
  );

  it.each([1e-6, 1e6])('of %d lets work start on an idle cluster', (weight) => {
    const scene = sceneWith({});
    scene.asks({ kind: 'put-tenant', tenant, weight, queues: [{ queue, weight }] });
    scene.submits('a');
    scene.submits('b', { queue });
    expect(startedIn(scene)).toBe(2);
  });
});

describe('the queues of a tenant', () => {
  it('are refused as a whole when one has no name or is named twice', () => {
    const scene = sceneWith({});
    const put = (...names: readonly string[]) => {
      const queues = names.map((queue, at) => ({ queue, weight: at + 1 }));
      return scene.asks({ kind: 'put-tenant', tenant, queues });
    };
    const wrong = (message: string) => ({
      failure: { code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) },
    });
    expect(put('mails', '')).toMatchObject(wrong('queue name "" is not [a-z0-9-]{1,63}'));
    expect(put('mails', 'reports', 'mails')).toMatchObject(
      wrong('queue "mails" of tenant "default" is named twice'),
    );
    expect(scene.code(scene.answer(scene.submits('t', { queue: 'mails' })))).toBe('UNKNOWN_QUEUE');
    expect(scene.code(scene.answer(scene.submits('u', { queue: '' })))).toBe('UNKNOWN_QUEUE');
  });
});
