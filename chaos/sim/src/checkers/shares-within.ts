/**
 * Within a tenant its queues share by their weights, and within a queue the three priorities, 3 : 2 : 1:
 * by the same reckoning as between tenants. What is due is not judged, since it may go before its
 * turn; nor is a gang.
 */
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker } from './checker.ts';
import { Billing } from './shares/billing.ts';
import { Ledger, priorityWeights } from './shares/ledger.ts';

type Submitted = Extract<SchedulerFact, { kind: 'task-submitted' }>;

export const sharesWithin: MakeChecker = ({ asked, now }, violate) => {
  const priorityOf = ({ task, run, priority }: Submitted) =>
    run === undefined ? asked.priorityOf(task) : priority;
  const queues = new Ledger(
    {
      partyOf: queueOf,
      groupOf: ({ tenant }) => tenant,
      kindOf: (fact) =>
        isPlain(fact) ? JSON.stringify([kindOf(fact), priorityOf(fact)]) : undefined,
      factorOf: (fact) => priorityWeights[priorityOf(fact)],
      promised: undefined,
      now,
    },
    violate,
  );
  const priorities = new Ledger(
    {
      partyOf: (fact) => `${queueOf(fact)} ${priorityOf(fact)}`,
      groupOf: queueOf,
      kindOf: (fact) => (isPlain(fact) ? kindOf(fact) : undefined),
      factorOf: (fact) => priorityWeights[priorityOf(fact)],
      promised: undefined,
      now,
    },
    violate,
  );
  const billing = new Billing([queues, priorities]);
  return {
    sent: (_from, _subject, message) => billing.sent(message),
    journalFact(fact) {
      billing.journalFact(fact);
      if (fact.kind !== 'tenant-put') return;
      for (const { queue, weight } of fact.queues ?? []) {
        queues.weigh(queueOf({ tenant: fact.tenant, queue }), fact.tenant, weight);
      }
    },
  };
};

/** Its own queue has no name. */
function queueOf({ tenant, queue = '' }: Pick<Submitted, 'tenant' | 'queue'>): string {
  return `${tenant} "${queue}"`;
}

function kindOf({ resources, placement = {} }: Submitted): string {
  return JSON.stringify([resources, placement]);
}

function isPlain({ gang, due }: Submitted): boolean {
  return gang === undefined && due === undefined;
}
