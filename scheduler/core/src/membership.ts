/**
 * The leader's work on membership: join, drain, die, seal, delete logs. Phases stand durably in
 * `nodes.ts`; who is silent is judged in `failure-detection.ts`.
 *
 *   join ─▶ create-log ─▶ log-created ─▶ welcome … dying ─▶ seal-log ─▶ log-sealed ─▶ placed anew
 *                                                                  └─▶ delete-log, once unneeded
 *
 * M5  a dying incarnation that speaks is told to die, and nothing else it says counts.
 * M6  a log is sealed only after it was made, also when its node began to die before.
 * M7  a log is deleted only when no chain refers to it and its node has no actors.
 */
import {
  failure,
  type Incarnation,
  isShortName,
  type Join,
  type LogName,
  nodeNameOf,
  versionsAgree,
} from '@troupe/model';
import type { Desk } from './desk.ts';
import { FailureDetection } from './failure-detection.ts';
import { isPresent, type NodeRecord } from './nodes.ts';
import { resourcesFault } from './resources.ts';
import type { Size } from './sizes.ts';

/** What follows from a change of membership, done by the nouns it concerns. */
export interface MembershipEffects {
  nodeJoined(node: Incarnation): void;
  /** It has not been heard for so many ms. */
  nodeLost(node: Incarnation, silentMs: number): void;
  nodeSealed(node: Incarnation): void;
  /** Nothing new is placed there. */
  nodeDrains(): void;
}

export class Membership {
  readonly detection: FailureDetection;
  readonly #desk: Desk;
  readonly #effects: MembershipEffects;
  readonly #deleting = new Set<LogName>();
  /** Draining nodes whose `drain` is resent. */
  readonly #draining = new Set<Incarnation>();

  constructor(desk: Desk, effects: MembershipEffects) {
    this.#desk = desk;
    this.#effects = effects;
    this.detection = new FailureDetection(desk);
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { presentCount } = this.#desk.state.nodes;
    return [
      { of: 'nodes to drain', size: this.#draining.size, most: presentCount },
      { of: 'logs to delete', size: this.#deleting.size, most: 0 },
      { of: 'nodes heard', size: this.detection.size, most: presentCount },
    ];
  }

  /** A new leader: what the phases call for is ordered again. */
  takeOver(): void {
    for (const node of [...this.#desk.state.nodes.kept()]) {
      const { incarnation, phase } = node;
      switch (phase.kind) {
        case 'joining':
          this.#desk.order({ kind: 'create-log', incarnation });
          break;
        case 'alive':
          break;
        case 'draining':
          this.#sendDrain(incarnation);
          break;
        case 'dying':
          this.#desk.order({ kind: phase.logMade ? 'seal-log' : 'create-log', incarnation });
          break;
        case 'sealed':
          this.reviewLog(node.log);
          break;
        case 'gone':
          break;
      }
    }
  }

  join(message: Join): void {
    const { incarnation, name, resources, labels } = message;
    const known = this.#desk.state.nodes.get(incarnation);
    if (known !== undefined) {
      if (!isPresent(known)) return this.sendDie(incarnation);
      this.detection.hear(incarnation);
      if (known.phase.kind !== 'joining') this.#welcome(known);
      return;
    }
    const refusal = this.#joinFault(message);
    if (refusal !== undefined) {
      const { term } = this.#desk;
      this.#desk.toNode(incarnation, { kind: 'join-refused', term, failure: refusal });
      return;
    }
    const other = this.#desk.state.nodes.named(name);
    if (other !== undefined) this.end(other.incarnation, 'replaced');
    const at = this.#desk.wall;
    this.#desk.decide({ kind: 'node-joining', incarnation, name, resources, labels, at });
    this.detection.hear(incarnation);
    this.#desk.order({ kind: 'create-log', incarnation });
  }

  logCreated(incarnation: Incarnation): void {
    const node = this.#desk.state.nodes.get(incarnation);
    if (node?.phase.kind === 'dying' && !node.phase.logMade) {
      this.#desk.order({ kind: 'seal-log', incarnation });
    }
    if (node?.phase.kind !== 'joining') return;
    this.#desk.decide({ kind: 'node-joined', incarnation });
    this.#welcome(node);
    this.#effects.nodeJoined(incarnation);
  }

  /** From here on the incarnation never lives again. */
  end(incarnation: Incarnation, reason: string): void {
    const node = this.#desk.state.nodes.get(incarnation);
    if (node === undefined || !isPresent(node)) return;
    const logMade = node.phase.kind !== 'joining';
    this.#desk.decide({ kind: 'node-dying', incarnation, reason, at: this.#desk.wall });
    const silentMs = this.detection.silentMs(incarnation);
    this.detection.forget(incarnation);
    this.#draining.delete(incarnation);
    if (logMade) this.#desk.order({ kind: 'seal-log', incarnation });
    this.#effects.nodeLost(incarnation, silentMs);
  }

  logSealed(incarnation: Incarnation, position: number): void {
    const node = this.#desk.state.nodes.get(incarnation);
    if (node?.phase.kind !== 'dying') return;
    this.#desk.decide({ kind: 'node-sealed', incarnation, to: position });
    this.#effects.nodeSealed(incarnation);
    this.#desk.toAllNodes({ kind: 'node-gone', term: this.#desk.term, incarnation });
    this.reviewLog(node.log);
  }

  logDeleted(log: LogName): void {
    if (!this.#deleting.delete(log)) return;
    if (this.#desk.state.nodes.ofLog(log)?.phase.kind !== 'sealed') return;
    this.#desk.decide({ kind: 'log-deleted', log });
  }

  /** A chain that referred to this log has changed, or an actor left its node. */
  reviewLog(log: LogName): void {
    const { nodes, actors } = this.#desk.state;
    const node = nodes.ofLog(log);
    if (node?.phase.kind !== 'sealed' || this.#deleting.has(log)) return;
    if (actors.references(log) > 0 || actors.on(node.incarnation).size > 0) return;
    this.#deleting.add(log);
    this.#desk.order({ kind: 'delete-log', log });
  }

  /** SIGTERM on the node, or an operator's wish. Nothing new is placed there. */
  drain(incarnation: Incarnation): void {
    const node = this.#desk.state.nodes.get(incarnation);
    if (node?.phase.kind === 'joining') return this.leave(incarnation);
    if (node?.phase.kind === 'alive') {
      this.#desk.decide({ kind: 'node-draining', incarnation });
      this.#effects.nodeDrains();
    }
    if (node?.phase.kind === 'draining') this.#sendDrain(incarnation);
  }

  /** Drained, and nothing is left there. */
  leave(incarnation: Incarnation): void {
    this.end(incarnation, 'left');
    this.sendDie(incarnation);
  }

  drainDue(incarnation: Incarnation): void {
    this.#draining.delete(incarnation);
    const node = this.#desk.state.nodes.get(incarnation);
    if (node?.phase.kind === 'draining') this.#sendDrain(incarnation);
  }

  sendDie(incarnation: Incarnation): void {
    this.#desk.toNode(incarnation, { kind: 'die', term: this.#desk.term, incarnation });
  }

  #sendDrain(node: Incarnation): void {
    const { term, now, config } = this.#desk;
    this.#desk.toNode(node, { kind: 'drain', term });
    if (this.#draining.has(node)) return;
    this.#draining.add(node);
    this.#desk.deadlines.set(now + config.resendMs, { kind: 'drain', node });
  }

  #welcome({ incarnation, log }: NodeRecord): void {
    const { term, config } = this.#desk;
    const { heartbeatMs } = config;
    this.#desk.toNode(incarnation, { kind: 'welcome', term, log, heartbeatMs });
  }

  #joinFault({ incarnation, name, version, resources }: Join) {
    const { version: ours } = this.#desk.config;
    if (!versionsAgree(version, ours)) {
      const what = `node ${incarnation} has version ${version}, the cluster has ${ours}`;
      return failure('VERSION_MISMATCH', what, { node: incarnation, version, cluster: ours });
    }
    if (!isShortName(name) || nodeNameOf(incarnation) !== name) {
      const what = `"${incarnation}" is no incarnation of a node named "${name}"`;
      return failure('INVALID_ARGUMENT', what, { node: incarnation });
    }
    const fault = resourcesFault(resources);
    if (fault === undefined) return undefined;
    return failure('INVALID_ARGUMENT', `node ${incarnation} offers ${fault}`, {
      node: incarnation,
    });
  }
}
