/** Tenants whose gangs wait for room that the empty places of the others hold. */
import { encodeValue, taskId, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { config, ok, Scene, stateOf, task } from './scene.ts';

/** One node of so many cpus, and tenants that hold places of 1 cpu each there. */
class Stage extends Scene {
  constructor(cpus: number, places: { readonly [tenant: string]: number }) {
    super();
    const manifest = { sdk: '0.1.0', actors: [], tasks: [task('work')], workflows: [] };
    for (const name of Object.keys(places)) {
      const tenant = tenantName(name);
      this.asks({ kind: 'put-tenant', tenant });
      this.asks({ kind: 'deploy', tenant, bundle: 'b1' as never, manifest, bytes: 10 });
    }
    this.joins('n1.aaaaaaaa', { cpu: cpus });
    for (const [name, count] of Object.entries(places)) {
      const shape = { resources: { cpu: 1 } };
      const named = { tenant: tenantName(name), reservation: 'gold' };
      this.asks({ kind: 'put-reservation', ...named, shape, count });
    }
  }

  gang(name: string, count: number): void {
    const members = Array.from({ length: count }, (_, at) => {
      return { task: taskId(`${name}.${at}`), name: 'work', input: encodeValue(at) };
    });
    const tenant = tenantName(name);
    this.asks({ kind: 'submit-gang', gang: name, tenant, policy: 'PACK', members });
    // So that the next one has come later.
    this.pass(1_000);
  }

  startsOf(name: string): number {
    return this.decided('task-started').filter((fact) => fact.task.startsWith(`${name}.`)).length;
  }

  ends(name: string, count: number): void {
    for (let at = 0; at < count; at++) this.finishes(`${name}.${at}`, ok(at));
  }

  findings(): readonly string[] {
    const answer = this.asks({ kind: 'status' });
    return answer?.kind === 'status' ? (answer.status.findings ?? []) : [];
  }

  held(): { readonly [tenant: string]: number } {
    const answer = this.asks({ kind: 'status' });
    const all = answer?.kind === 'status' ? answer.status.reservations : [];
    return Object.fromEntries(all.map(({ tenant, held }) => [tenant, held]));
  }
}

describe('two gangs, each of which waits for room that the empty places of the other tenant hold', () => {
  it('start one after the other: the later one lets its places go, and who waited on whom is said', () => {
    const stage = new Stage(4, { a: 2, b: 2 });
    stage.gang('a', 4);
    stage.gang('b', 4);
    stage.pass(40_000);
    expect([stage.startsOf('a'), stage.startsOf('b')]).toEqual([0, 0]);
    stage.pass(40_000);
    expect([stage.startsOf('a'), stage.startsOf('b')]).toEqual([4, 0]);
    expect(stage.findings()).toEqual([
      'gang "b" of tenant "b" waits for the empty places of tenant "a" (held by gang "a" of tenant "a"), ' +
        'gang "a" of tenant "a" waits for the empty places of tenant "b" (held by gang "b" of tenant "b"): ' +
        '2 empty places of tenant "b" were let go',
    ]);
    expect(stage.held()).toEqual({ a: 2, b: 0 });
    stage.ends('a', 4);
    expect(stage.held()).toEqual({ a: 2, b: 2 });
    stage.asks({ kind: 'drop-reservation', tenant: tenantName('a'), reservation: 'gold' });
    stage.pass(1_000);
    expect(stage.startsOf('b')).toBe(4);
    const replayed = new SchedulerMachine(config);
    for (const fact of stage.facts) replayed.apply(fact);
    expect(stateOf(replayed)).toBe(stateOf(stage.machine));
  });

  it('are found by the next leader too', () => {
    const stage = new Stage(4, { a: 2, b: 2 });
    stage.gang('a', 4);
    stage.gang('b', 4);
    stage.pass(40_000);
    stage.failOver();
    stage.pass(80_000);
    expect([stage.startsOf('a'), stage.startsOf('b')]).toEqual([4, 0]);
  });

  it('of three tenants form a circle as well', () => {
    const stage = new Stage(6, { a: 2, b: 2, c: 2 });
    for (const name of ['a', 'b', 'c']) stage.gang(name, 4);
    stage.pass(80_000);
    expect(['a', 'b', 'c'].map((name) => stage.startsOf(name) > 0)).toContain(true);
  });
});

describe('no place is let go', () => {
  it('for a gang that the empty places of others keep waiting, when these wait for nothing of its own', () => {
    const stage = new Stage(4, { a: 2, b: 2 });
    stage.gang('a', 4);
    stage.pass(200_000);
    expect(stage.startsOf('a')).toBe(0);
    expect(stage.held()).toEqual({ a: 2, b: 2 });
    expect(stage.findings()).toEqual([]);
  });

  it('where something runs in it, nor for what would find no room even so', () => {
    const stage = new Stage(4, { a: 2, b: 2 });
    stage.submits('busy', { tenant: tenantName('b') });
    stage.gang('a', 4);
    stage.gang('b', 5);
    stage.pass(50_000);
    expect(stage.decided('place-let-go')).toEqual([]);
    stage.finishes('busy');
    stage.pass(120_000);
    expect(stage.startsOf('b')).toBe(0);
    expect(stage.decided('place-let-go')).toEqual([]);
  });
});
