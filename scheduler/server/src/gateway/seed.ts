/** What a gateway learns from a journal that was read up to some point, all of it durable. */
import type { SchedulerMachine } from '@troupe/scheduler-core';
import { Breath } from '../breath.ts';
import type { Catalog } from './catalog.ts';
import type { NodeRoute, Routes } from './routes.ts';

export interface Seeded {
  readonly routes: Routes;
  readonly catalog: Catalog;
  readonly requests: { onTerm(number: number): void };
}

export async function seedGateway(
  { routes, catalog, requests }: Seeded,
  machine: SchedulerMachine,
): Promise<void> {
  const breath = new Breath();
  const { nodes, actors, deployments, term } = machine.known;
  if (term !== undefined) requests.onTerm(term.number);
  for (const { incarnation, phase } of nodes.nodes) {
    routes.learnNode(incarnation, routeState(phase.kind));
  }
  for (const { id, node, birth, epoch } of actors) {
    routes.learn(id, { node, birth, epoch });
    if (breath.due) await breath.taken();
  }
  const manifests = new Map(deployments.bundles.map(({ bundle, manifest }) => [bundle, manifest]));
  for (const { tenant, bundles } of deployments.tenants) {
    catalog.tenantPut(tenant);
    for (const bundle of bundles) {
      const manifest = manifests.get(bundle);
      if (manifest !== undefined) catalog.deployed(tenant, manifest);
    }
  }
}

function routeState(
  phase: 'joining' | 'alive' | 'draining' | 'dying' | 'sealed' | 'gone',
): NodeRoute['state'] {
  return phase === 'sealed' || phase === 'gone' ? 'dying' : phase;
}
