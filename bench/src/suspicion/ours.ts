/** The scheduler machine as a detector: nodes join it, beat, and are dead when its journal says so. */
import { type Incarnation, incarnation, nodeName, nodeNameOf, version } from '@troupe/model';
import { type SchedulerEvent, SchedulerMachine, type SchedulerSend } from '@troupe/scheduler-core';
import type { Asked, Detector } from './detectors.ts';

type Told = SchedulerEvent extends infer E
  ? E extends { wall: number }
    ? Omit<E, 'wall'>
    : never
  : never;

const config = {
  cell: 'bench',
  version,
  heartbeatMs: 1_000,
  nodeSilenceMs: 3_000,
  probeMs: 300,
  resendMs: 1_000,
  seed: 7,
};
const load = { cpu: 0, memory: 0, actors: 0, turns: 0, tasks: 0 };

export class Ours implements Detector {
  readonly #machine = new SchedulerMachine(config);
  /** Without it there is nothing but beats. */
  readonly #asked: Asked | undefined;
  readonly #incarnations = new Map<number, Incarnation>();
  #starts = 0;
  #logs = 0;
  #dead: number[] = [];

  constructor(asked: Asked | undefined) {
    this.#asked = asked;
    this.#tell(0, { kind: 'lead', scheduler: 's1', generation: 1 });
  }

  watch(now: number, node: number): void {
    const own = incarnation(`n${node}.${(this.#starts++).toString(36).padStart(8, '0')}`);
    this.#incarnations.set(node, own);
    const site = { name: nodeName(`n${node}`), resources: { cpu: 1 }, labels: {}, version };
    this.#tell(now, { kind: 'from-node', message: { kind: 'join', incarnation: own, ...site } });
  }

  beat(now: number, node: number): void {
    const own = this.#incarnations.get(node);
    if (own === undefined) return;
    const witness = this.#asked === undefined ? {} : { witness: true as const };
    const beat = { kind: 'heartbeat' as const, incarnation: own, counter: 1, load, ...witness };
    this.#tell(now, { kind: 'from-node', message: beat });
  }

  notice(now: number, node: number): void {
    const own = this.#incarnations.get(node);
    if (own === undefined || this.#asked === undefined) return;
    this.#tell(now, { kind: 'disconnect-notice', incarnation: own });
  }

  tick(now: number): readonly number[] {
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
      this.#dead.push(numberOf(fact.incarnation));
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
        if (this.#asked?.witness(numberOf(order.incarnation)) !== true) return;
        return this.#tell(now, { kind: 'witness-answered', incarnation: order.incarnation });
      default:
        return;
    }
  }
}

function numberOf(node: Incarnation): number {
  return Number(nodeNameOf(node).slice(1));
}
