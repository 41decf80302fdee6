/** Gangs of a tenant that room is reserved for, while others fill the cluster. */
import { encodeValue, type GangPolicy, taskId, tenantName } from '@troupe/model';
import { beforeEach, describe, expect, it } from 'vitest';
import { tenant as others, Scene, task } from './scene.ts';

const critical = tenantName('critical');

/** Nodes of 4 cpus; places of 1 cpu for the critical tenant; the rest is full of tasks of others. */
class Stage extends Scene {
  constructor(places: number, nodes = 2, free = 0) {
    super();
    this.asks({ kind: 'put-tenant', tenant: critical });
    const tasks = [task('work'), task('half', { resources: { cpu: 0.5 } })];
    const manifest = { sdk: '0.1.0', actors: [], tasks, workflows: [] };
    for (const tenant of [others, critical]) {
      this.asks({ kind: 'deploy', tenant, bundle: 'b1' as never, manifest, bytes: 10 });
    }
    for (let at = 1; at <= nodes; at++) this.joins(`n${at}.aaaaaaaa`);
    const shape = { resources: { cpu: 1 } };
    const named = { tenant: critical, reservation: 'gold' };
    this.asks({ kind: 'put-reservation', ...named, shape, count: places });
    for (let at = 0; at < 4 * nodes - places - free; at++) this.submits(`other-${at}`);
  }

  gang(count: number, policy: GangPolicy = 'PACK', name = 'work'): void {
    const members = Array.from({ length: count }, (_, at) => {
      return { task: taskId(`g.${at}`), name, input: encodeValue(at) };
    });
    this.asks({ kind: 'submit-gang', gang: 'g', tenant: critical, policy, members });
  }

  /** `n1 in its place`, by member. */
  get members(): readonly string[] {
    return this.decided('task-started')
      .filter((fact) => fact.task.startsWith('g.'))
      .map(({ node, place }) => `${node.split('.')[0]}${place === undefined ? '' : ' in a place'}`);
  }

  get why(): string | undefined {
    const answer = this.asks({ kind: 'list-tasks', tenant: critical, limit: 100 });
    const tasks = answer?.kind === 'tasks' ? answer.tasks : [];
    return tasks.find((view) => view.task === 'g.0')?.why;
  }
}

describe('a gang whose tenant has room reserved', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage(2);
  });

  it('starts in it at once, however full the cluster is for others', () => {
    for (let at = 0; at < 20; at++) stage.submits(`more-${at}`);
    stage.gang(2);
    expect(stage.members).toEqual(['n1 in a place', 'n2 in a place']);
  });

  it('packs its members into as few places as may be', () => {
    stage.gang(2, 'STRICT_PACK', 'half');
    expect(stage.members).toEqual(['n1 in a place', 'n1 in a place']);
  });

  it('keeps its members apart', () => {
    stage.gang(2, 'STRICT_SPREAD', 'half');
    expect(stage.members).toEqual(['n1 in a place', 'n2 in a place']);
  });

  it('starts in it as a whole or waits, and says for what', () => {
    stage.gang(2, 'STRICT_PACK');
    expect(stage.members).toEqual([]);
    expect(stage.why).toBe(
      'its gang has no room: 2 nodes have too little free cpu; with the 2 places held for its tenant it has none either',
    );
    // What was entered in trying is open again.
    stage.submits('a', { tenant: critical });
    stage.submits('b', { tenant: critical });
    expect(stage.started('a').length + stage.started('b').length).toBe(2);
  });

  it('uses what is free beside it for those who find no place', () => {
    const roomy = new Stage(2, 2, 1);
    roomy.gang(3, 'SPREAD');
    expect([...roomy.members].sort()).toEqual(['n1 in a place', 'n2', 'n2 in a place']);
    const full = new Stage(2, 2, 0);
    full.gang(3, 'SPREAD');
    expect(full.members).toEqual([]);
    full.finishes('other-0');
    expect(full.members).toHaveLength(3);
  });

  it('is where it was for the next leader, and gives its room back', () => {
    stage.gang(2);
    stage.failOver();
    stage.machine.checkInvariants();
    stage.submits('later', { tenant: critical });
    expect(stage.started('later')).toEqual([]);
  });

  it('gives its places back when its members end', () => {
    stage.gang(2);
    stage.submits('later', { tenant: critical });
    expect(stage.started('later')).toEqual([]);
    stage.finishes('g.0');
    expect(stage.started('later')).toHaveLength(1);
  });
});
