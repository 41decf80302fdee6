/**
 * Where the outputs of the node machine go. The loop calls it in the legal order; nothing here
 * decides anything, it only hands on.
 *
 * O1  what is meant for this node itself comes back as an event, never by the bus.
 */
import { type Bus, crashPoint, type LoopRim, type Names } from '@troupe/fabric';
import { type Incarnation, nodeAddress, type ToNode, unreachable } from '@troupe/model';
import type { NodeFact, NodeReply, NodeSend, NodeWork } from '@troupe/worker-node-core';
import type { CheckpointStore } from './checkpoint-store.ts';
import { leaderMail } from './leader-mail.ts';
import type { ObjectShelf } from './object-shelf.ts';
import type { PastReader } from './past-reader.ts';
import type { Restorer } from './restore/restorer.ts';
import type { RunnerPool } from './runners/pool.ts';

export interface RimStart {
  readonly incarnation: Incarnation;
  readonly bus: Bus;
  readonly names: Names;
  readonly pool: RunnerPool;
  readonly restorer: Restorer;
  readonly checkpoints: CheckpointStore;
  readonly shelf: ObjectShelf;
  readonly past: PastReader;
  /** A message of this node to itself. */
  toSelf(message: ToNode): void;
  trimLog(before: number): void;
  log(level: 'info' | 'warn' | 'error', text: string): void;
  /** Facts were appended up to this position. */
  logDurable(position: number): void;
  /** `left` was said: from here on the end is wanted. */
  left(): void;
  exit(): void;
  dropped(reason: Error, withheld: number): void;
}

export class NodeRim implements LoopRim<NodeFact, NodeSend, NodeReply, NodeWork> {
  readonly #start: RimStart;
  readonly #own: string;
  #durable: number | undefined;

  constructor(start: RimStart) {
    this.#start = start;
    this.#own = nodeAddress(start.incarnation);
  }

  work(order: NodeWork): void {
    const { pool, log } = this.#start;
    switch (order.kind) {
      case 'to-runner':
        pool.send(order.runner, order.frame);
        return;
      case 'start-runner':
        pool.start(order.bundle);
        return;
      case 'kill-runner':
        pool.kill(order.runner, 'it ran over its limit and did not stop');
        return;
      case 'end-runner':
        pool.kill(order.runner, 'nothing is at it any more');
        return;
      case 'restore':
        crashPoint(`node.${order.kind}`);
        this.#start.restorer.restore(order);
        return;
      case 'read-ahead':
        this.#start.restorer.readAhead(order);
        return;
      case 'read-objects':
        this.#start.shelf.read(order);
        return;
      case 'read-past':
        this.#start.past.read(order);
        return;
      case 'read-version':
        this.#start.past.readVersion(order);
        return;
      case 'free-checkpoints':
        this.#start.checkpoints.free(order);
        return;
      case 'log':
        log(order.level, order.text);
        return;
      default:
        unreachable(order);
    }
  }

  send(message: NodeSend): void {
    const { bus, names, incarnation } = this.#start;
    crashPoint(`node.${phaseOf(message)}`);
    switch (message.kind) {
      case 'to-leader':
        if (message.message.kind === 'left') this.#start.left();
        for (const part of leaderMail(message.message)) bus.send(names.leader, part);
        return;
      case 'to-node':
        if (message.node === incarnation) this.#start.toSelf(message.message);
        else bus.send(names.node(message.node), message.message);
        return;
      case 'to-runner':
        this.#start.pool.send(message.runner, message.frame);
        return;
      case 'put-checkpoint':
        this.#start.checkpoints.put(message);
        return;
      case 'put-object':
        this.#start.shelf.put(message);
        return;
      case 'restore':
        this.#start.restorer.restore(message);
        return;
      case 'trim-log':
        this.#start.trimLog(message.before);
        return;
      case 'exit':
        this.#start.exit();
        return;
      default:
        unreachable(message);
    }
  }

  reply(answer: NodeReply): void {
    const { bus, names } = this.#start;
    if (answer.to === this.#own) this.#start.toSelf(answer.message);
    else bus.send(names.inbox(answer.to), answer.message);
  }

  durable(facts: readonly NodeFact[], position: number): void {
    for (const { kind } of facts) crashPoint(`node.${kind}`);
    this.#durable = position;
  }

  released(): void {
    if (this.#durable === undefined) return;
    const position = this.#durable;
    this.#durable = undefined;
    this.#start.logDurable(position);
  }

  dropped(reason: Error, withheld: number): void {
    this.#start.dropped(reason, withheld);
  }
}

/** What a crash point before it is called: `prepare`, `put-checkpoint`, `released` … */
function phaseOf(message: NodeSend): string {
  const carried = message.kind === 'to-leader' || message.kind === 'to-node';
  return carried ? message.message.kind : message.kind;
}
