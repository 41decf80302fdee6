/**
 * Claims, against starvation: where small tasks keep every node nearly full, a large one would never
 * find room. When it has waited long enough it claims a node: what is free there is held for it, and so
 * is what ends there, until all that it asks for is there. Other nodes go on as ever.
 *
 *   claimed ─▶ whole ─▶ placed
 *      └────────┴─────▶ dropped      (also when its node is lost)
 *
 * I1  a claim holds no more than its task asks for, on one node; a node has one claim at most.
 * I2  claims stand on a tenth of the nodes at most, or on one: however many are large, most nodes work on.
 * I3  what is held only grows until it is whole, since nobody else is given what ends on its node; so a
 *     task that could run on the empty node runs there once those have ended that ran there before.
 */
import { assert } from '@troupe/model';
import type { Ask } from './demand.ts';
import type { Choice, Placement, Task } from './engine.ts';
import { giveBack, type Site } from './site.ts';

export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly node: string }
  | { readonly kind: 'refused'; readonly why: string };

interface Claim {
  readonly id: string;
  readonly node: string;
  readonly ask: Ask;
  /** Those it waits for: the freest when it was made. */
  readonly gpus: readonly number[];
  holds: string[];
  whole: boolean;
}

const nodeShare = 0.1;

export class Claims {
  readonly #placement: Placement;
  readonly #claims = new Map<string, Claim>();
  readonly #byNode = new Map<string, Claim>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  /** Claims the node that lacks least of what the task asks for; looks at every node. */
  claim(id: string, task: Task): ClaimAnswer {
    assert(!this.#claims.has(id), `I1: ${id} claims one node`);
    const most = Math.max(1, Math.floor(this.#placement.nodeCount * nodeShare));
    if (this.#claims.size >= most) {
      const stand =
        this.#claims.size === 1 ? '1 claim stands' : `${this.#claims.size} claims stand`;
      return { kind: 'refused', why: `${stand}, as many as there may be` };
    }
    let best: Site | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const site of this.#placement.sites()) {
      if (this.#byNode.has(site.spec.name) || !this.#couldTake(site, task)) continue;
      const lacking = lackingOn(site, task.ask);
      if (lacking >= least) continue;
      best = site;
      least = lacking;
    }
    if (best === undefined) {
      return { kind: 'refused', why: 'no other node could take it, even if nothing ran there' };
    }
    const { ask } = task;
    const node = best.spec.name;
    const claim: Claim = { id, node, ask, gpus: freestOf(best, ask), holds: [], whole: false };
    this.#claims.set(id, claim);
    this.#byNode.set(node, claim);
    this.#hold(claim, best);
    return { kind: 'claimed', node };
  }

  /** Something ended on the node: the claim that has all that it asks for now, if one has. */
  freed(node: string): string | undefined {
    const claim = this.#byNode.get(node);
    const site = this.#placement.site(node);
    if (claim === undefined || site === undefined) return undefined;
    this.#letGo(claim);
    this.#hold(claim, site);
    return claim.whole ? claim.id : undefined;
  }

  has(id: string): boolean {
    return this.#claims.has(id);
  }

  isWhole(id: string): boolean {
    return this.#claims.get(id)?.whole ?? false;
  }

  /** Where it claimed, else wherever there is room; either way the claim is done with. */
  place(id: string, task: Task): Choice {
    const claim = this.#claims.get(id);
    if (claim === undefined) return this.#placement.place(task);
    const site = this.#placement.site(claim.node);
    this.#letGo(claim);
    if (site !== undefined && this.#placement.placeOn(site, task)) {
      this.#forget(claim);
      const gpus = this.#placement.grant(task.id)?.gpus ?? [];
      return { kind: 'placed', node: claim.node, gpus };
    }
    const choice = this.#placement.place(task);
    if (choice.kind === 'placed') this.#forget(claim);
    else if (site !== undefined) this.#hold(claim, site);
    return choice;
  }

  drop(id: string): void {
    const claim = this.#claims.get(id);
    if (claim === undefined) return;
    this.#letGo(claim);
    this.#forget(claim);
  }

  /** The node has left, with what was held on it; answers whose claim that was. */
  nodeRemoved(node: string): string | undefined {
    const claim = this.#byNode.get(node);
    if (claim !== undefined) this.#forget(claim);
    return claim?.id;
  }

  /** Whether nothing but what runs there speaks against the node; what is spared stays there. */
  #couldTake(site: Site, task: Task): boolean {
    const empty: Site = { ...site, free: [...site.free], gpus: site.gpus.slice() };
    for (const id of site.tasks) {
      const grant = this.#placement.grant(id);
      if (grant === undefined || grant.task.spared === true) continue;
      giveBack(empty, grant.task.ask, grant.gpus);
    }
    return this.#placement.objection(empty, task) === undefined;
  }

  #hold(claim: Claim, site: Site): void {
    const { ask, gpus } = claim;
    claim.whole = true;
    const part = (asked: number, free: number): number => {
      if (free < asked) claim.whole = false;
      return Math.min(asked, free);
    };
    const amounts = ask.amounts
      .map(({ resource, milli }) => ({ resource, milli: part(milli, site.free[resource] ?? 0) }))
      .filter(({ milli }) => milli > 0);
    this.#holdOne(claim, { ...nothing, amounts }, []);
    for (const gpu of gpus) {
      const milli = part(ask.gpu?.milli ?? 0, site.gpus[gpu] ?? 0);
      if (milli === 0) continue;
      this.#holdOne(claim, { ...nothing, gpu: { count: 1, milli, models: [] } }, [gpu]);
    }
  }

  #holdOne(claim: Claim, ask: Ask, gpus: readonly number[]): void {
    const id = `claim ${claim.id} ${claim.holds.length}`;
    this.#placement.reserve({ id, ask, spared: true }, claim.node, gpus);
    claim.holds.push(id);
  }

  #letGo(claim: Claim): void {
    for (const hold of claim.holds) {
      if (this.#placement.grant(hold) !== undefined) this.#placement.end(hold);
    }
    claim.holds = [];
  }

  #forget(claim: Claim): void {
    this.#claims.delete(claim.id);
    this.#byNode.delete(claim.node);
  }
}

/** The part that is missing of what is scarcest there, of all that is asked for. */
function lackingOn(site: Site, ask: Ask): number {
  let lacking = 0;
  for (const { resource, milli } of ask.amounts) {
    lacking = Math.max(lacking, 1 - (site.free[resource] ?? 0) / milli);
  }
  const { gpu } = ask;
  for (const at of freestOf(site, ask)) {
    lacking = Math.max(lacking, 1 - (site.gpus[at] ?? 0) / (gpu?.milli ?? 1));
  }
  return lacking;
}

function freestOf(site: Site, { gpu }: Ask): readonly number[] {
  if (gpu === undefined) return [];
  const all = [...site.gpus.keys()];
  all.sort((left, right) => (site.gpus[right] ?? 0) - (site.gpus[left] ?? 0) || left - right);
  return all.slice(0, gpu.count);
}

const nothing: Ask = {
  demand: { resources: {} },
  key: '',
  amounts: [],
  gpu: undefined,
  labels: {},
  social: false,
};
