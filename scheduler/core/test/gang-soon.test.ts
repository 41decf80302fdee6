/** Tasks and gangs that wait, whatever comes and goes: none does while there is room for it. */
import { encodeValue, gangPolicies, nodeName, taskId } from '@troupe/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Scene, task, tenant } from './scene.ts';

const cpus = [1, 2, 3, 4] as const;
const at = fc.nat(99);
const cpu = fc.constantFrom(...cpus);
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('submits' as const), cpu }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ends' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('urgent' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancels' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('joins' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('dies' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('waits' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cordon' as const), at, on: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('gang' as const),
      policy: fc.constantFrom(...gangPolicies),
      members: fc.array(cpu, { minLength: 1, maxLength: 5 }),
    }),
  },
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

class Stage {
  readonly scene = new Scene();
  #made = 0;

  constructor() {
    const tasks = cpus.map((cpu) => task(`c${cpu}`, { resources: { cpu }, limitMs: 3_600_000 }));
    const urgent = task('urgent', { placement: { preempts: true }, limitMs: 3_600_000 });
    this.scene.deploys({ tasks: [...tasks, urgent] }, 'b2');
    for (let node = 0; node < 3; node++) this.#joins();
  }

  happens(event: Event): void {
    const { scene } = this;
    switch (event.kind) {
      case 'submits':
        scene.submits(`t${this.#made++}`, { name: `c${event.cpu}`, priority: 'low' });
        return;
      case 'urgent':
        scene.submits(`t${this.#made++}`, { name: 'urgent', priority: 'high' });
        return;
      case 'ends': {
        const id = this.#running(event.at);
        if (id !== undefined) scene.finishes(id);
        return;
      }
      case 'cancels': {
        const id = this.#running(event.at);
        if (id !== undefined) scene.asks({ kind: 'cancel-task-request', task: id });
        return;
      }
      case 'joins':
        return this.#joins();
      case 'waits':
        return scene.pass(61_000);
      case 'gang': {
        const gang = `g${this.#made++}`;
        const { policy } = event;
        const members = event.members.map((cpu, member) => {
          return { task: taskId(`${gang}.${member}`), name: `c${cpu}`, input: encodeValue(0) };
        });
        scene.asks({ kind: 'submit-gang', gang, tenant, policy, members });
        return;
      }
      default: {
        const nodes = [...scene.beating];
        const node = nodes[event.at % nodes.length];
        if (node === undefined) return;
        const name = nodeName(node.slice(0, node.indexOf('.')));
        if (event.kind === 'dies') return scene.dies(node);
        scene.asks({ kind: 'cordon-node', node: name, cordoned: event.on });
      }
    }
  }

  /** Of what waits, all for which there would be room. */
  inVain(): readonly string[] {
    const answer = this.scene.asks({ kind: 'list-tasks', tenant, limit: 1_000 });
    const tasks = answer?.kind === 'tasks' ? answer.tasks : [];
    return tasks.flatMap(({ task, why }) => (why === 'others are before it' ? [task] : []));
  }

  #joins(): void {
    this.scene.joins(`n${this.#made++}.aaaaaaaa`, { cpu: 4 });
  }

  #running(at: number) {
    const { live } = this.scene.machine.durable().tasks;
    const running = live.filter(({ state }) => state.kind === 'running');
    return running[at % Math.max(1, running.length)]?.id;
  }
}

it('a gang or a task starts as soon as it can: after no event one waits for which there is room', () => {
  let gangs = 0;
  const holds = fc.property(fc.array(event, { minLength: 30, maxLength: 60 }), (events) => {
    const stage = new Stage();
    for (const each of events) {
      stage.happens(each);
      expect(stage.inVain()).toEqual([]);
    }
    gangs += stage.scene.decided('task-started').filter(({ task }) => task.startsWith('g')).length;
  });
  fc.assert(holds, { numRuns: 100, seed: 7 });
  expect(gangs).toBeGreaterThan(100);
});
