/** The scheduler machine itself as a detector: nodes join it, beat, and are dead when its journal says so. */
import { type Incarnation, incarnation, nodeName, nodeNameOf } from '@troupe/model';
import { type SchedulerEvent, SchedulerMachine, type SchedulerSend } from '../../src/index.ts';
import { config } from '../scene.ts';

type Told = SchedulerEvent extends infer E
  ? E extends { wall: number }
    ? Omit<E, 'wall'>
    : never
  : never;

const load = { cpu: 0, memory: 0, actors: 0, turns: 0, tasks: 0 };

export class Judge {
  readonly #machine = new SchedulerMachine(config);
  readonly #asks: ((name: string) => boolean) | undefined;
  readonly #incarnations = new Map<string, Incarnation>();
  #starts = 0;
  #logs = 0;
  #dead: string[] = [];

  /** Without `asks` the nodes have no witnesses; with it, true when the witness answers. */
  constructor(asks?: (name: string) => boolean) {
    this.#asks = asks;
    this.#tell(0, { kind: 'lead', scheduler: 's1', generation: 1 });
  }

  watch(now: number, name: string): void {
    const own = incarnation(`${name}.${(this.#starts++).toString(36).padStart(8, '0')}`);
    this.#incarnations.set(name, own);
    const node = { name: nodeName(name), resources: { cpu: 1 }, labels: {}, version: '0.1.0' };
    this.#tell(now, { kind: 'from-node', message: { kind: 'join', incarnation: own, ...node } });
  }

  beat(now: number, name: string): void {
    const own = this.#incarnations.get(name);
    if (own === undefined) return;
    const witness = this.#asks === undefined ? {} : { witness: true as const };
    const beat = { kind: 'heartbeat' as const, incarnation: own, counter: 1, load, ...witness };
    this.#tell(now, { kind: 'from-node', message: beat });
  }

  /** The broker says that its connection closed. */
  notice(now: number, name: string): void {
    const own = this.#incarnations.get(name);
    if (own !== undefined) this.#tell(now, { kind: 'disconnect-notice', incarnation: own });
  }

  tick(now: number): readonly string[] {
    for (let at = this.#machine.wakeAt(); at !== undefined && at <= now; ) {
      this.#tell(now, { kind: 'tick' });
      at = this.#machine.wakeAt();
    }
    const dead = this.#dead;
    this.#dead = [];
    return dead;
  }

  #tell(now: number, event: Told): void {
    const { append, send } = this.#machine.handle(now, { ...event, wall: now });
    for (const fact of append) {
      if (fact.kind !== 'node-dying' || fact.reason === 'replaced') continue;
      this.#dead.push(nodeNameOf(fact.incarnation));
    }
    for (const one of send) this.#do(now, one);
  }

  #do(now: number, order: SchedulerSend): void {
    switch (order.kind) {
      case 'create-log':
        return this.#tell(now, { kind: 'log-created', incarnation: order.incarnation });
      case 'seal-log': {
        const position = this.#logs++;
        return this.#tell(now, { kind: 'log-sealed', incarnation: order.incarnation, position });
      }
      case 'delete-log':
        return this.#tell(now, { kind: 'log-deleted', log: order.log });
      case 'ask-witness':
        if (this.#asks?.(nodeNameOf(order.incarnation)) !== true) return;
        return this.#tell(now, { kind: 'witness-answered', incarnation: order.incarnation });
    }
  }
}
