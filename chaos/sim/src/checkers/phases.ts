/** What of the cluster is under way when a leader takes over, and who waits while tasks start. */
import { type ActorId, type Incarnation, type NodeName, nodeNameOf } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { Coverage } from '../world/coverage.ts';
import type { Truth } from './truth.ts';

export class Phases {
  readonly #truth: Truth;
  readonly #coverage: Coverage;
  readonly #draining = new Set<Incarnation>();
  readonly #dying = new Set<Incarnation>();
  /** Actors on their way elsewhere; `taken`: since before the last takeover. */
  readonly #wished = new Map<ActorId, { readonly to: NodeName; taken: boolean }>();
  /** Dying when the last leader took over. */
  #dyingBefore: ReadonlySet<Incarnation> = new Set();
  /** Ready tasks by tenant. */
  readonly #ready = new Map<string, number>();
  readonly #payers = new Map<string, string>();

  constructor(truth: Truth, coverage: Coverage) {
    this.#truth = truth;
    this.#coverage = coverage;
  }

  journalFact(fact: SchedulerFact): void {
    switch (fact.kind) {
      case 'term-opened':
        return this.#onTakeover();
      case 'node-draining':
        this.#draining.add(fact.incarnation);
        return;
      case 'actor-migrating':
        this.#wished.set(fact.actor, { to: fact.to, taken: false });
        return;
      case 'actor-placed':
        return this.#placed(fact.actor, fact.chain.length > 0);
      case 'node-dying':
        this.#lost(fact.incarnation);
        this.#draining.delete(fact.incarnation);
        this.#dying.add(fact.incarnation);
        return;
      case 'task-submitted':
        this.#payers.set(fact.task, fact.tenant);
        return this.#wait(fact.tenant, 1);
      case 'task-started': {
        this.#wait(this.#payers.get(fact.task), -1);
        const waiting = [...this.#ready.values()].filter((count) => count > 0).length;
        if (waiting > 1) this.#coverage.reach('a tenant waits while others are served');
        return;
      }
      case 'task-preempted':
      case 'task-retried':
        return this.#wait(this.#payers.get(fact.task), 1);
      default:
    }
  }

  #placed(actor: ActorId, afterDeath: boolean): void {
    const wish = this.#wished.get(actor);
    if (wish === undefined) return;
    this.#wished.delete(actor);
    if (afterDeath) return;
    this.#coverage.reach('an actor is moved by an operator');
    if (wish.taken) this.#coverage.reach('a migration is gone on with after a takeover');
  }

  #lost(node: Incarnation): void {
    const name = nodeNameOf(node);
    for (const [actor, { to }] of this.#wished) {
      if (this.#truth.actors.get(actor)?.node === node) {
        this.#coverage.reach('a node dies while an actor leaves it');
      } else if (to === name) this.#coverage.reach('a node dies while an actor comes to it');
    }
  }

  #wait(tenant: string | undefined, change: number): void {
    if (tenant === undefined) return;
    this.#ready.set(tenant, Math.max(0, (this.#ready.get(tenant) ?? 0) + change));
  }

  #onTakeover(): void {
    for (const wish of this.#wished.values()) wish.taken = true;
    const waitsOn = new Set<Incarnation>();
    for (const { node } of this.#truth.actors.values()) {
      if (this.#dying.has(node)) waitsOn.add(node);
    }
    if (waitsOn.size > 0) {
      this.#coverage.reach('a takeover while actors of a lost node wait');
      if (this.#draining.size > 0) {
        this.#coverage.reach('a drain, a death and a takeover at once');
      }
    }
    for (const node of waitsOn) {
      if (!this.#dyingBefore.has(node)) continue;
      this.#coverage.reach('a second takeover before all is placed');
    }
    this.#dyingBefore = waitsOn;
  }
}
