/**
 * Gangs: tasks that start together or not at all, as PACK (on as few nodes as may be), SPREAD (on as
 * many), STRICT_PACK (on one) or STRICT_SPREAD (each on its own).
 *
 *   planned ─▶ held ─▶ confirmed
 *                └──▶ released            (also when the hold runs out, or a node is lost)
 *
 * G1  a gang holds room for all of its members or for none. Since none waits while it holds, gangs
 *     that compete cannot block each other: the one that comes first gets its room, the other is
 *     refused and holds nothing.
 * G2  planning leaves everything as it was.
 */
import { assert, type GangPolicy } from '@troupe/model';
import { sizeOf } from './demand.ts';
import type { Placement, Task, Veto } from './engine.ts';
import { matchSpread } from './matching.ts';
import { packSmall } from './pack.ts';
import type { Site } from './site.ts';
import { mayHoldAll } from './together.ts';

export interface Gang {
  readonly id: string;
  readonly policy: GangPolicy;
  readonly members: readonly Task[];
}

export interface GangPlace {
  readonly task: string;
  readonly node: string;
  readonly gpus: readonly number[];
}

export type GangPlan =
  | { readonly kind: 'planned'; readonly places: readonly GangPlace[] }
  | ({ readonly kind: 'refused' } & GangRefusal);

export interface GangRefusal {
  /** For whom there was no place. */
  readonly member: string;
  readonly text: string;
  /** Members that together have fewer nodes than they are, where that was found. */
  readonly among?: readonly Task[];
}

interface Hold {
  readonly gang: Gang;
  readonly until: number;
}

export class Gangs {
  readonly #placement: Placement;
  readonly #held = new Map<string, Hold>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  /** How many hold room. */
  get held(): number {
    return this.#held.size;
  }

  /** Where the gang would go now. */
  plan(gang: Gang): GangPlan {
    const plan = this.#reserve(gang);
    if (plan.kind === 'planned') this.#undo(gang.members);
    return plan;
  }

  /** Reserves for all members until it is confirmed, released or runs out. */
  hold(gang: Gang, until: number): GangPlan {
    assert(!this.#held.has(gang.id), `G1: gang ${gang.id} is held once`);
    const plan = this.#reserve(gang);
    if (plan.kind === 'planned') this.#held.set(gang.id, { gang, until });
    return plan;
  }

  /** The members run; false when a node was lost or the hold ran out, and then nothing is held. */
  confirm(id: string): boolean {
    const hold = this.#held.get(id);
    if (hold === undefined) return false;
    const whole = hold.gang.members.every(({ id: task }) => this.#placement.grant(task));
    if (!whole) this.release(id);
    this.#held.delete(id);
    return whole;
  }

  release(id: string): void {
    const hold = this.#held.get(id);
    if (hold === undefined) return;
    this.#held.delete(id);
    this.#undo(hold.gang.members);
  }

  /** Releases what nobody confirmed in time, and answers with the gangs. */
  expire(now: number): readonly string[] {
    const late = [...this.#held.values()].filter(({ until }) => until <= now);
    for (const { gang } of late) this.release(gang.id);
    return late.map(({ gang }) => gang.id);
  }

  #reserve(gang: Gang): GangPlan {
    const members = [...gang.members].sort((left, right) => sizeOf(right.ask) - sizeOf(left.ask));
    const refused = this.#reserveAll(gang.policy, members);
    if (refused !== undefined) {
      this.#undo(members);
      return { kind: 'refused', ...refused };
    }
    const places = gang.members.map(({ id }) => {
      const grant = this.#placement.grant(id);
      assert(grant !== undefined, 'G1: every member of a planned gang has its place');
      return { task: id, node: grant.site.spec.name, gpus: grant.gpus };
    });
    return { kind: 'planned', places };
  }

  #reserveAll(policy: GangPolicy, members: readonly Task[]): GangRefusal | undefined {
    switch (policy) {
      case 'STRICT_PACK':
        return this.#onOne(members);
      case 'PACK':
        return this.#onOne(members) === undefined ? undefined : this.#packed(members);
      case 'SPREAD': {
        const refused = this.#onMany(members, false);
        if (refused === undefined) return undefined;
        // The first ones may have taken the only nodes that later ones may go to.
        this.#undo(members);
        if (matchSpread(this.#placement, members) === undefined) return undefined;
        this.#undo(members);
        return packSmall(this.#placement, members) ? undefined : refused;
      }
      case 'STRICT_SPREAD': {
        if (this.#onMany(members, true) === undefined) return undefined;
        this.#undo(members);
        return matchSpread(this.#placement, members);
      }
    }
  }

  /** Tries the nodes that may hold all of them, one after the other. */
  #onOne(members: readonly Task[]): GangRefusal | undefined {
    const [largest] = members;
    if (largest === undefined) return undefined;
    const candidates: Site[] = [];
    this.#placement.eachOpen(largest, (site) => candidates.push(site) > 0);
    const mayHold = mayHoldAll(members);
    for (const site of candidates) {
      if (!mayHold(site)) continue;
      if (this.#allOn(site, members)) return undefined;
      this.#undo(members);
    }
    const text =
      candidates.length === 0
        ? this.#why(largest)
        : `no node has room for all ${members.length} members; ${candidates.length} have for one`;
    return { member: largest.id, text };
  }

  #allOn(site: Site, members: readonly Task[]): boolean {
    return members.every((member) => this.#placement.placeOn(site, member));
  }

  /** One after the other; where that leads nowhere, by a search that is bounded. */
  #packed(members: readonly Task[]): GangRefusal | undefined {
    const refused = this.#onFew(members);
    if (refused === undefined) return undefined;
    this.#undo(members);
    return packSmall(this.#placement, members) ? undefined : refused;
  }

  /** On nodes that the gang is on already as long as they have room. */
  #onFew(members: readonly Task[]): GangRefusal | undefined {
    const used: Site[] = [];
    for (const member of members) {
      if (used.some((site) => this.#placement.placeOn(site, member))) continue;
      const choice = this.#placement.place(member);
      if (choice.kind === 'refused') return { member: member.id, text: choice.explain().text };
      const site = this.#placement.site(choice.node);
      if (site !== undefined) used.push(site);
    }
    return undefined;
  }

  /** Each on a node where the fewest of the gang are; strictly: where none is. */
  #onMany(members: readonly Task[], strictly: boolean): GangRefusal | undefined {
    const counts = new Map<Site, number>();
    for (const member of members) {
      for (let most = 0; ; most++) {
        const veto: Veto = (site) => ((counts.get(site) ?? 0) > most ? taken : undefined);
        const choice = this.#placement.place(member, veto);
        if (choice.kind === 'placed') {
          const site = this.#placement.site(choice.node);
          if (site !== undefined) counts.set(site, (counts.get(site) ?? 0) + 1);
          break;
        }
        const vain = strictly || most > Math.max(0, ...counts.values());
        if (vain) return { member: member.id, text: choice.explain().text };
      }
    }
    return undefined;
  }

  #why(member: Task): string {
    const choice = this.#placement.choose(member);
    return choice.kind === 'refused' ? choice.explain().text : '';
  }

  #undo(members: readonly Task[]): void {
    for (const { id } of members)
      if (this.#placement.grant(id) !== undefined) this.#placement.end(id);
  }
}

const taken = { one: 'has a member of the gang', many: 'have a member of the gang' };
