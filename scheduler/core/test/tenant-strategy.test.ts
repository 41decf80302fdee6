import { type StrategyName, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { config, Scene, stateOf, task } from './scene.ts';

const tenant = tenantName('default');
const other = tenantName('other');

/** Two nodes alike, of which `n1` runs a task of another tenant already. */
function twoNodes(): Scene {
  const scene = new Scene();
  scene.deploys({
    tasks: [
      task('work'),
      task('spread', { placement: { strategy: 'worst-fit' } }),
      task('packed', { placement: { strategy: 'best-fit' } }),
    ],
  });
  scene.asks({ kind: 'put-tenant', tenant: other });
  scene.joins('n1.aaaaaaaa', { cpu: 8 });
  scene.submits('first');
  scene.joins('n2.aaaaaaaa', { cpu: 8 });
  return scene;
}

function puts(scene: Scene, strategy: StrategyName | null) {
  return scene.asks({ kind: 'put-tenant', tenant, strategy });
}

function nodeOf(scene: Scene, id: string, name = 'work'): string | undefined {
  scene.submits(id, { name });
  return scene.started(id)[0]?.node;
}

describe('the strategy of a tenant', () => {
  it('stands between that of the cluster and that of the task', () => {
    const stage = twoNodes();
    expect(nodeOf(stage, 'by-cluster')).toBe('n2.aaaaaaaa');
    stage.finishes('by-cluster');
    expect(puts(stage, 'best-fit')).toMatchObject({ settings: { strategy: 'best-fit' } });
    expect(nodeOf(stage, 'by-tenant')).toBe('n1.aaaaaaaa');
    expect(nodeOf(stage, 'by-task', 'spread')).toBe('n2.aaaaaaaa');
  });

  it('is that of the cluster again once it is lifted', () => {
    const stage = twoNodes();
    puts(stage, 'best-fit');
    const lifted = puts(stage, null);
    expect(lifted).toMatchObject({ kind: 'tenant' });
    expect(lifted).not.toHaveProperty('settings.strategy');
    expect(nodeOf(stage, 'again')).toBe('n2.aaaaaaaa');
  });

  it('stands under the next leader, and in an image', () => {
    const stage = twoNodes();
    puts(stage, 'best-fit');
    stage.failOver();
    const status = stage.asks({ kind: 'status' });
    const views = status?.kind === 'status' ? status.status.tenants : [];
    expect(views.map(({ strategy }) => strategy)).toEqual(['best-fit', undefined]);
    const restored = SchedulerMachine.restore(config, stage.machine.image());
    expect(stateOf(restored)).toBe(stateOf(stage.machine));
    expect(nodeOf(stage, 'after')).toBe('n1.aaaaaaaa');
  });

  it('is changed by nothing that does not name it, and put twice it is decided once', () => {
    const stage = twoNodes();
    puts(stage, 'best-fit');
    const facts = stage.facts.length;
    puts(stage, 'best-fit');
    expect(stage.facts.length).toBe(facts);
    const put = stage.asks({ kind: 'put-tenant', tenant, weight: 3 });
    expect(put).toMatchObject({ settings: { weight: 3, strategy: 'best-fit' } });
    puts(stage, null);
    const lifted = stage.facts.length;
    puts(stage, null);
    expect(stage.facts.length).toBe(lifted);
  });

  it('is refused when there is none of that name, and nothing is changed', () => {
    const stage = twoNodes();
    const before = stateOf(stage.machine);
    const wish = { kind: 'put-tenant', tenant, weight: 9, strategy: 'fastest' as never } as const;
    const refused = stage.asks(wish);
    expect(stage.code(refused)).toBe('INVALID_ARGUMENT');
    expect(refused).toMatchObject({
      failure: { message: expect.stringContaining('none of first-fit, best-fit') },
    });
    expect(stateOf(stage.machine)).toBe(before);
  });
});
