/** How far service runs ahead of, or behind, what an ideal fluid server gives, in largest tasks. */
import { heavyTailed } from './chance.ts';
import { type ServerName, servers } from './servers.ts';

const costMax = 100;

export interface FluidLag {
  readonly heavyAhead: number;
  readonly heavyBehind: number;
  readonly lightAhead: number;
  readonly lightBehind: number;
}

/** One tenant has half of everything, the others share the rest: fairness in pairs is not enough. */
export function fluidLag(
  name: ServerName,
  given: { readonly tenants: number; readonly decisions: number; readonly chance: () => number },
): FluidLag {
  const { tenants, decisions, chance } = given;
  const weights = Array.from({ length: tenants }, (_, tenant) => (tenant === 0 ? tenants - 1 : 1));
  const server = servers[name](weights);
  const served = new Float64Array(tenants);
  const costs = new Float64Array(tenants);
  for (let tenant = 0; tenant < tenants; tenant++) {
    const cost = heavyTailed(chance, costMax);
    costs[tenant] = cost;
    server.join(tenant, cost);
  }
  let all = 0;
  const worst = { heavyAhead: 0, heavyBehind: 0, lightAhead: 0, lightBehind: 0 };
  const look = (tenant: number) => {
    const ahead = (served[tenant] ?? 0) - all * (tenant === 0 ? 0.5 : 0.5 / (tenants - 1));
    const kind = tenant === 0 ? 'heavy' : 'light';
    worst[`${kind}Ahead`] = Math.max(worst[`${kind}Ahead`], ahead / costMax);
    worst[`${kind}Behind`] = Math.max(worst[`${kind}Behind`], -ahead / costMax);
  };
  for (let decision = 0; decision < decisions; decision++) {
    const tenant = server.next();
    look(tenant);
    look(0);
    served[tenant] = (served[tenant] ?? 0) + (costs[tenant] ?? 0);
    all += costs[tenant] ?? 0;
    look(tenant);
    look(0);
    const cost = heavyTailed(chance, costMax);
    costs[tenant] = cost;
    server.served(tenant, cost);
  }
  for (let tenant = 0; tenant < tenants; tenant++) look(tenant);
  return worst;
}
