/**
 * Tasks that care where other tasks are: near them, apart from them, spread evenly. For every term in
 * use the matching tasks are counted by domain as they come and go, so that a decision asks for a few
 * counts however many tasks run. The emptiest domain of a spread is found by looking at each domain.
 *
 * B1  a count equals the number of running tasks that match in the domain.
 * B2  apart works both ways: a task is kept away from those that must be apart from it.
 * B3  a spread is over the domains in which there is a node that the task could be on: nobody waits for the others.
 */
import { assert, type NeighbourTerm, type SpreadRule } from '@troupe/model';
import type { Ask } from './demand.ts';
import { mayEverHold, type Objection, suits } from './filters.ts';
import { clampWeight, matches } from './labels.ts';
import type { Site } from './site.ts';

/** What other tasks have to say about one ask. */
export interface Judgement {
  readonly objection: (site: Site) => Objection | undefined;
  /** Sum of the weights of the preferences that a node meets. */
  readonly bonus: (site: Site) => number;
  readonly bonusMax: number;
}

interface Count {
  readonly term: NeighbourTerm;
  readonly byDomain: Map<string, number>;
}

interface Running {
  readonly ask: Ask;
  readonly site: Site;
}

export class Neighbours {
  readonly #running: () => Iterable<Running>;
  readonly #sites: () => Iterable<Site>;
  /** Tasks that match, by term. */
  readonly #counts = new Map<string, Count>();
  /** Tasks that must be apart from those that match, by term. */
  readonly #wary = new Map<string, Count>();
  /** By label and ask. */
  readonly #domains = new Map<string, ReadonlySet<string>>();

  constructor(running: () => Iterable<Running>, sites: () => Iterable<Site>) {
    this.#running = running;
    this.#sites = sites;
  }

  /** Whether anybody has a say in where this ask goes. */
  concern(ask: Ask): boolean {
    if (ask.social) return true;
    for (const count of this.#wary.values()) {
      if (count.byDomain.size > 0 && matches(count.term.tasks, ask.labels)) return true;
    }
    return false;
  }

  /** Whether the one wants to be near the other. */
  wants({ demand }: Ask, other: Ask): boolean {
    return (demand.near ?? []).some((term) => matches(term.tasks, other.labels));
  }

  placed(running: Running): void {
    this.#move(running, 1);
  }

  ended(running: Running): void {
    this.#move(running, -1);
  }

  /** Nodes came, went or changed. */
  sitesChanged(): void {
    this.#domains.clear();
  }

  judge(ask: Ask): Judgement {
    const { near = [], apart = [], spread = [] } = ask.demand;
    const preferences = this.#preferences(ask);
    const rules = [
      ...near.map((term) => this.#nearRule(term, ask)),
      ...apart.map((term) => farRule(this.#countOf(term), 'is too near a task')),
      ...[...this.#wary.values()]
        .filter((count) => matches(count.term.tasks, ask.labels))
        .map((count) => farRule(count, 'has a task that must be apart')),
      ...spread.filter((rule) => rule.required).map((rule) => this.#spreadRule(rule, ask)),
    ];
    return {
      objection: (site) => {
        for (const rule of rules) {
          const objection = rule(site);
          if (objection !== undefined) return objection;
        }
        return undefined;
      },
      bonus: (site) => clampWeight(preferences.reduce((sum, each) => sum + each.of(site), 0)),
      bonusMax: preferences.reduce((sum, each) => sum + each.max, 0),
    };
  }

  /** Compares the counts with those of the tasks as they are. */
  check(): void {
    for (const [key, { term, byDomain }] of this.#counts) {
      const anew = this.#countAnew(term, (ask) => matches(term.tasks, ask.labels));
      assert(sameCounts(anew, byDomain), `B1: the counts of ${key} are those of the tasks`);
    }
  }

  #move({ ask, site }: Running, by: 1 | -1): void {
    for (const count of this.#counts.values()) {
      if (matches(count.term.tasks, ask.labels)) add(count, site, by);
    }
    for (const term of ask.demand.apart ?? []) {
      const key = keyOf(term);
      let count = this.#wary.get(key);
      if (count === undefined) {
        count = { term, byDomain: new Map() };
        this.#wary.set(key, count);
      }
      add(count, site, by);
      if (count.byDomain.size === 0) this.#wary.delete(key);
    }
  }

  #countOf(term: NeighbourTerm): Count {
    const key = keyOf(term);
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    if (this.#counts.size >= termsMax) this.#forgetOldest();
    const count = {
      term,
      byDomain: this.#countAnew(term, (ask) => matches(term.tasks, ask.labels)),
    };
    this.#counts.set(key, count);
    return count;
  }

  #forgetOldest(): void {
    for (const key of this.#counts.keys()) {
      this.#counts.delete(key);
      return;
    }
  }

  #countAnew(term: NeighbourTerm, counts: (ask: Ask) => boolean): Map<string, number> {
    const count: Count = { term, byDomain: new Map() };
    for (const { ask, site } of this.#running()) if (counts(ask)) add(count, site, 1);
    return count.byDomain;
  }

  #nearRule(term: NeighbourTerm, ask: Ask): Rule {
    const count = this.#countOf(term);
    // The first of a group that wants to be together has nobody to be near to.
    const first = count.byDomain.size === 0 && matches(term.tasks, ask.labels);
    return (site) => {
      const domain = domainOf(site, term.across);
      if (domain === undefined) return withoutLabel(term.across);
      if (first || (count.byDomain.get(domain) ?? 0) > 0) return undefined;
      return { one: 'is not near a task asked for', many: 'are not near a task asked for' };
    };
  }

  #spreadRule(rule: SpreadRule, ask: Ask): Rule {
    const count = this.#countOf(rule);
    const least = this.#least(count, ask);
    // Whom the rule does not count puts no domain further ahead.
    const own = matches(rule.tasks, ask.labels) ? 1 : 0;
    return (site) => {
      const domain = domainOf(site, rule.across);
      if (domain === undefined) return withoutLabel(rule.across);
      if ((count.byDomain.get(domain) ?? 0) + own - least <= rule.skewMax) return undefined;
      const what = `would be more than ${rule.skewMax} ahead in ${rule.across}`;
      return { one: what, many: what };
    };
  }

  /** Infinity where there is no domain. */
  #least(count: Count, ask: Ask): number {
    let least = Number.POSITIVE_INFINITY;
    for (const domain of this.#domainsOf(count.term.across, ask)) {
      least = Math.min(least, count.byDomain.get(domain) ?? 0);
    }
    return least;
  }

  /** B3 */
  #domainsOf(across: string, ask: Ask): ReadonlySet<string> {
    const key = `${across} ${ask.key}`;
    const known = this.#domains.get(key);
    if (known !== undefined) return known;
    const domains = new Set<string>();
    for (const site of this.#sites()) {
      const domain = domainOf(site, across);
      if (domain !== undefined && suits(site, ask) && mayEverHold(site, ask)) domains.add(domain);
    }
    if (this.#domains.size >= termsMax) this.#domains.clear();
    this.#domains.set(key, domains);
    return domains;
  }

  #preferences(ask: Ask): Preference[] {
    const { nearPreferred = [], apartPreferred = [], spread = [] } = ask.demand;
    const has = (count: Count, site: Site) => countAt(count, site) > 0;
    return [
      ...nearPreferred.map(({ weight, term }) => {
        const count = this.#countOf(term);
        return { max: weight, of: (site: Site) => (has(count, site) ? weight : 0) };
      }),
      ...apartPreferred.map(({ weight, term }) => {
        const count = this.#countOf(term);
        return { max: 0, of: (site: Site) => (has(count, site) ? -weight : 0) };
      }),
      ...spread
        .filter((rule) => !rule.required)
        .map((rule) => {
          const count = this.#countOf(rule);
          const least = this.#least(count, ask);
          // A node in no domain is as good as one in the emptiest.
          return { max: 0, of: (site: Site) => Math.min(0, least - countAt(count, site)) };
        }),
    ];
  }
}

type Rule = (site: Site) => Objection | undefined;

interface Preference {
  readonly max: number;
  readonly of: (site: Site) => number;
}

/** Terms whose counts are kept, the oldest being counted anew when it is needed again; likewise sets of domains. */
const termsMax = 256;

function farRule(count: Count, what: string): Rule {
  const many = what.replace(/^is /, 'are ').replace(/^has /, 'have ');
  return (site) => (countAt(count, site) > 0 ? { one: what, many } : undefined);
}

function withoutLabel(label: string): Objection {
  return { one: `lacks label ${label}`, many: `lack label ${label}` };
}

function countAt(count: Count, site: Site): number {
  const domain = domainOf(site, count.term.across);
  return domain === undefined ? 0 : (count.byDomain.get(domain) ?? 0);
}

function domainOf(site: Site, across: string): string | undefined {
  if (across === 'node') return site.spec.name;
  return Object.hasOwn(site.labels, across) ? site.labels[across] : undefined;
}

function add(count: Count, site: Site, by: number): void {
  const domain = domainOf(site, count.term.across);
  if (domain === undefined) return;
  const sum = (count.byDomain.get(domain) ?? 0) + by;
  assert(sum >= 0, 'B1: only tasks that run are counted');
  if (sum === 0) count.byDomain.delete(domain);
  else count.byDomain.set(domain, sum);
}

function sameCounts(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>) {
  return left.size === right.size && [...left].every(([domain, n]) => right.get(domain) === n);
}

function keyOf({ tasks, across }: NeighbourTerm): string {
  return JSON.stringify([across, tasks]);
}
