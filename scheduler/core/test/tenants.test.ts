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

  it('is refused when it is no quota', () => {
    const scene = sceneWith({});
    const quota = { cpuMax: -1 };
    const answer = scene.asks({ kind: 'put-tenant', tenant, weight: 1, quota });
    expect(scene.code(answer)).toBe('INVALID_ARGUMENT');
  });

  it('stands in the image that a restore reads', () => {
    const scene = sceneWith({ inFlightMax: 2, memoryMax: 8 });
    const { tenants } = scene.machine.durable().deployments;
    expect(tenants[0]).toMatchObject({ quota: { inFlightMax: 2, memoryMax: 8 } });
  });
});

describe('a task', () => {
  it('with a bare number for its priority is refused', () => {
    const scene = sceneWith({});
    const answer = scene.answer(scene.submits('t', { priority: 3 as never }));
    expect(answer).toMatchObject({ failure: { code: 'INVALID_ARGUMENT' } });
  });
});
