import { encodeValue, taskId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { type SchedulerConfig, SchedulerMachine } from '../src/index.ts';
import { config, ok, Scene, stateOf, tenant } from './scene.ts';

const pressed: SchedulerConfig = { ...config, pressure: { tasksMax: 10, factsMax: 1_000_000 } };
const order = [
  'prewarming',
  'rebalancing',
  'frequent-checkpoints',
  'progress-reports',
  'low-priority-admission',
  'normal-priority-admission',
];

/** Tasks that nobody can run, so that they wait. */
function sceneWith(waiting: number, given = pressed): Scene {
  const scene = new Scene(new SchedulerMachine(given), given);
  scene.deploys();
  for (let i = 0; i < waiting; i++) scene.submits(`t${i}`);
  return scene;
}

function givenUp(scene: Scene): readonly string[] {
  const answer = scene.asks({ kind: 'status' });
  return answer?.kind === 'status' ? (answer.status.givenUp?.measures ?? []) : [];
}

const submits = (scene: Scene, id: string, priority: 'low' | 'normal' | 'high') =>
  scene.code(scene.answer(scene.submits(id, { priority })));

describe('under pressure', () => {
  it('one thing after the other is given up, in the stated order, and said with why', () => {
    const scene = sceneWith(9);
    scene.pass(4_000);
    expect(givenUp(scene)).toEqual([]);
    for (let count = 1; count <= order.length; count++) {
      scene.pass(5_000);
      expect(givenUp(scene)).toEqual(order.slice(0, count));
    }
    const [first] = scene.decided('measures-given-up');
    expect(first?.reason).toContain('queues at 90 % for');
    scene.pass(60_000);
    expect(scene.decided('measures-given-up')).toHaveLength(order.length);
  });

  it('new work of low priority is turned away, then that of normal, never that of high', () => {
    const scene = sceneWith(9);
    scene.pass(24_000);
    expect(submits(scene, 'low-1', 'low')).toBeUndefined();
    scene.pass(4_000);
    expect(submits(scene, 'low-2', 'low')).toBe('RESOURCE_EXHAUSTED');
    expect(submits(scene, 'low-1', 'low')).toBeUndefined();
    expect(submits(scene, 'normal-1', 'normal')).toBeUndefined();
    scene.pass(4_000);
    expect(submits(scene, 'normal-2', 'normal')).toBe('RESOURCE_EXHAUSTED');
    expect(submits(scene, 'high-1', 'high')).toBeUndefined();
  });

  it('it is given up as soon, and comes back as late, as the cell is configured', () => {
    const pressure = { tasksMax: 10, factsMax: 1_000_000, downMs: 2_000, upMs: 12_000 };
    const scene = sceneWith(9, { ...config, pressure });
    scene.pass(2_500);
    expect(givenUp(scene)).toEqual([]);
    scene.pass(1_000);
    expect(givenUp(scene)).toEqual(order.slice(0, 1));
    scene.joins('n1.aaaaaaaa', { cpu: 100 });
    for (let i = 0; i < 9; i++) scene.finishes(`t${i}`, ok(i));
    scene.pass(9_000);
    expect(givenUp(scene)).toEqual(order.slice(0, 1));
    scene.pass(6_000);
    expect(givenUp(scene)).toEqual([]);
  });

  it('a gang of low priority is turned away as a whole, and one of normal is taken in', () => {
    const scene = sceneWith(9);
    scene.pass(28_000);
    const gang = (id: string, priority: 'low' | 'normal') => {
      const members = ['0', '1'].map((at) => {
        return { task: taskId(`${id}.${at}`), name: 'work', input: encodeValue(at) };
      });
      const body = { kind: 'submit-gang', gang: id, tenant, policy: 'PACK', members } as const;
      return scene.code(scene.asks({ ...body, priority }));
    };
    const facts = scene.facts.length;
    expect(gang('g', 'low')).toBe('RESOURCE_EXHAUSTED');
    expect(scene.facts).toHaveLength(facts);
    expect(gang('h', 'normal')).toBe('done');
  });

  it('nothing is given up where the cell is not configured so', () => {
    const scene = sceneWith(50, config);
    scene.pass(120_000);
    expect(givenUp(scene)).toEqual([]);
    expect(scene.kinds()).not.toContain('measures-given-up');
  });
});

describe('pressure is', () => {
  const roomy = { tasksMax: 1_000_000, factsMax: 1_000_000 };

  it('what nodes say that they use of all the memory that they have', () => {
    const given = { ...config, pressure: roomy };
    const scene = new Scene(new SchedulerMachine(given), given);
    const small = scene.joins('n1.aaaaaaaa', { cpu: 4, memory: 1_000 });
    const large = scene.joins('n2.aaaaaaaa', { cpu: 4, memory: 3_000 });
    // It offers none, so what it uses is nobody's.
    scene.said.set(scene.joins('n3.aaaaaaaa', { cpu: 4 }), { cpu: 0, memory: 9_000 });
    scene.said.set(small, { cpu: 0, memory: 1_000 });
    scene.said.set(large, { cpu: 0, memory: 2_500 });
    scene.pass(15_000);
    expect(givenUp(scene)).toEqual([]);
    scene.said.set(large, { cpu: 0, memory: 2_600 });
    scene.pass(8_000);
    expect(givenUp(scene)).toEqual(order.slice(0, 1));
    expect(scene.decided('measures-given-up')[0]?.reason).toContain('memory at 90 % for');
  });

  it('how many facts no image holds yet', () => {
    const given = { ...config, pressure: { ...roomy, factsMax: 20 } };
    const scene = new Scene(new SchedulerMachine(given), given);
    scene.deploys();
    for (let i = 0; i < 10; i++) scene.submits(`t${i}`);
    const image = (facts: number): void => {
      const object = `image-${facts}`;
      scene.tell({ kind: 'image-written', object, facts, position: facts });
    };
    image(1);
    scene.pass(15_000);
    expect(givenUp(scene)).toEqual([]);
    for (let i = 10; i < 20; i++) scene.submits(`t${i}`);
    scene.pass(8_000);
    expect(givenUp(scene)).toEqual(order.slice(0, 1));
    expect(scene.decided('measures-given-up')[0]?.reason).toContain('the journal at ');
    image(scene.facts.length);
    scene.pass(35_000);
    expect(givenUp(scene)).toEqual([]);
  });
});

describe('when the pressure is gone', () => {
  it('what was given up comes back, the last first, one at a time', () => {
    const scene = sceneWith(9);
    scene.pass(16_500);
    expect(givenUp(scene)).toEqual(order.slice(0, 3));
    scene.joins('n1.aaaaaaaa', { cpu: 100 });
    for (let i = 0; i < 9; i++) scene.finishes(`t${i}`, ok(i));
    for (let count = 2; count >= 0; count--) {
      scene.pass(31_000);
      expect(givenUp(scene)).toEqual(order.slice(0, count));
    }
    expect(scene.machine.durable().givenUp).toBeUndefined();
  });

  it.each(['facts', 'image'] as const)(
    'under another leader too, which goes on from the %s',
    (from) => {
      const scene = sceneWith(9);
      scene.pass(16_500);
      scene.failOver(from);
      expect(givenUp(scene)).toEqual(order.slice(0, 3));
      scene.joins('n1.aaaaaaaa', { cpu: 100 });
      for (let i = 0; i < 9; i++) scene.finishes(`t${i}`, ok(i));
      scene.pass(100_000);
      expect(givenUp(scene)).toEqual([]);
      const replayed = new SchedulerMachine(config);
      for (const fact of scene.facts) replayed.apply(fact);
      expect(stateOf(replayed)).toBe(stateOf(scene.machine));
    },
  );

  it('at once under a leader that is configured to give nothing up', () => {
    const scene = sceneWith(9);
    scene.pass(16_500);
    const next = new SchedulerMachine(config);
    for (const fact of scene.facts) next.apply(fact);
    expect(givenUp(new Scene(next, config))).toEqual([]);
  });
});
