/** What nobody should gain by: idling first, declaring more than is needed, cutting work into pieces. */
import { type ServerName, servers } from './servers.ts';

export interface Games {
  /** Of its share, what a tenant gets in the first 2,000 tasks after it idled through 10,000. */
  readonly afterIdling: number;
  /** Of its share, what a tenant gets done that declares twice what it needs. */
  readonly byDeclaringTwice: number;
  /** Of its share, what a tenant gets done that cuts each task into ten. */
  readonly bySplitting: number;
}

const idled = 10_000;
const watched = 2_000;
const tenantCount = 10;

export function games(name: ServerName): Games {
  return {
    afterIdling: afterIdling(name),
    byDeclaringTwice: gamer(name, { cost: 2, work: 1 }),
    bySplitting: gamer(name, { cost: 0.1, work: 0.1 }),
  };
}

function afterIdling(name: ServerName): number {
  const server = servers[name](Array.from({ length: tenantCount }, () => 1));
  for (let tenant = 1; tenant < tenantCount; tenant++) server.join(tenant, 1);
  for (let task = 0; task < idled; task++) server.served(server.next(), 1);
  server.join(0, 1);
  let mine = 0;
  for (let task = 0; task < watched; task++) {
    const tenant = server.next();
    if (tenant === 0) mine++;
    server.served(tenant, 1);
  }
  return mine / (watched / tenantCount);
}

/** The first tenant's tasks cost so much and get so much done; those of the others 1 and 1. */
function gamer(name: ServerName, { cost, work }: { cost: number; work: number }): number {
  const server = servers[name](Array.from({ length: tenantCount }, () => 1));
  for (let tenant = 0; tenant < tenantCount; tenant++) server.join(tenant, tenant === 0 ? cost : 1);
  let spent = 0;
  let done = 0;
  while (spent < idled) {
    const tenant = server.next();
    spent += tenant === 0 ? cost : 1;
    if (tenant === 0) done += work;
    server.served(tenant, tenant === 0 ? cost : 1);
  }
  return done / (idled / tenantCount);
}
