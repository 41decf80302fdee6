/**
 * Tenants whose tasks wait get service by their weights. A tenant's start is what it was charged, by
 * weight, from some beginning that nobody outside knows. Whoever starts a task while another waits for
 * the same kind of place was not further ahead of it, by their starts, than the other's next task is
 * long, by its weight: it had the earliest deadline of all whose turn had come. So each start bounds
 * how far apart the beginnings of two tenants can be, from one side, and what is left when all bounds
 * are met must not be empty. No lag of c_i/w_i + c_j/w_j passes that, which is stricter than the
 * promise, (c_i + c_max)/w_i + (c_j + c_max)/w_j and what estimates are wrong by; where tasks of other shapes were
 * served, one may begin behind another by what is kept of its share, (in flight + 2) × c_max / w_min + c_max/w_j. Charged is by an estimate
 * at the start of an attempt, by what it took at its end; the bill is kept here anew, from what nodes
 * say that attempts took. The weight is that of the tenant times those of its priority and the task's.
 *
 * Whom a quota may hold back is not judged, since it leaves and starts anew; nor is a gang, which is
 * one task there and several here.
 */
import type { Resources } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { Billing } from './shares/billing.ts';
import { Ledger, priorityWeights } from './shares/ledger.ts';
import type { Truth } from './truth.ts';

/** All tenants share the cluster. */
const all = '';
/** Of what reserves nothing. */
const cpusMin = 0.01;

export const fairShares: MakeChecker = (truth, violate) => {
  const ledger = new Ledger(
    {
      partyOf: ({ tenant }) => tenant,
      groupOf: () => all,
      kindOf({ resources, placement = {}, priority, gang }) {
        return gang === undefined ? JSON.stringify([resources, placement, priority]) : undefined;
      },
      factorOf: ({ priority }) => priorityWeights[priority],
      promised: cpusIn(truth),
      now: truth.now,
    },
    violate,
  );
  const billing = new Billing([ledger]);
  return {
    sent: (_from, _subject, message) => billing.sent(message),
    journalFact(fact) {
      billing.journalFact(fact);
      if (fact.kind !== 'tenant-put') return;
      const { tenant, weight, quota } = fact;
      const known = truth.priorities.get(tenant) ?? 'normal';
      const { priority = known } = fact;
      ledger.weigh(tenant, all, weight * priorityWeights[priority]);
      if (quota !== undefined) ledger.limit(tenant, all, Object.keys(quota).length > 0);
    },
  };
};

/** The largest share that a task takes of anything that there is, in cpus. */
function cpusIn({ grounds }: Truth) {
  return (resources: Resources): number => {
    const totals = new Map<string, number>();
    for (const node of grounds.alive) {
      for (const [name, amount] of Object.entries(grounds.siteOf(node).resources)) {
        totals.set(name, (totals.get(name) ?? 0) + amount);
      }
    }
    const shares = Object.entries(resources).map(
      ([name, amount]) => amount / (totals.get(name) ?? Number.POSITIVE_INFINITY),
    );
    return Math.max(cpusMin, (totals.get('cpu') ?? 1) * Math.max(0, ...shares));
  };
}
