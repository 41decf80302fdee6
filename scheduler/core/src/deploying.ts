/** Requests that change what is deployed: tenants and bundles. */
import {
  type Failure,
  failure,
  type RequestBody,
  type TenantName,
  tenantName,
} from '@troupe/model';
import { manifestFault, settingsOf } from './deployments.ts';
import type { Desk } from './desk.ts';
import { changedTenant } from './tenant-change.ts';
import type { Asker } from './waiting.ts';

type Deploy = Extract<RequestBody, { kind: 'deploy' }>;
type PutTenant = Extract<RequestBody, { kind: 'put-tenant' }>;

const defaultTenant = tenantName('default');

export class Deploying {
  readonly #desk: Desk;
  readonly #tenantPut: (tenant: TenantName) => void;

  constructor(desk: Desk, tenantPut: (tenant: TenantName) => void) {
    this.#desk = desk;
    this.#tenantPut = tenantPut;
  }

  /** Who connects without naming a tenant finds this one. */
  putDefaultTenant(): void {
    if (this.#desk.state.deployments.tenantCount > 0) return;
    this.#desk.decide({ kind: 'tenant-put', tenant: defaultTenant, weight: 1 });
  }

  /** Idempotent: what is asked for is what is there then, whatever was there before. */
  putTenant(asker: Asker, body: PutTenant): void {
    const { tenant } = body;
    const { deployments, tasks } = this.#desk.state;
    const change = changedTenant(body, deployments.tenant(tenant), tasks);
    if ('code' in change) return this.#desk.answer(asker, { kind: 'failed', failure: change });
    if (change.isChanged) {
      const { fact } = change;
      this.#desk.decide(fact.quota === undefined ? fact : { ...fact, ledMs: this.#desk.ledMs });
      this.#tenantPut(tenant);
    }
    const record = deployments.tenant(tenant);
    if (record !== undefined) {
      this.#desk.answer(asker, { kind: 'tenant', settings: settingsOf(record) });
    }
  }

  /** Idempotent; deploying an older bundle again makes it the latest. */
  deploy(asker: Asker, body: Deploy): void {
    const { tenant, bundle, manifest, bytes } = body;
    const owner = this.#desk.state.deployments.tenant(tenant);
    const fault: Failure | undefined =
      owner === undefined
        ? failure('UNKNOWN_TENANT', `there is no tenant "${tenant}"`, { tenant })
        : manifestFault(manifest);
    if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
    if (owner?.bundles.at(-1) !== bundle) {
      const at = this.#desk.wall;
      this.#desk.decide({ kind: 'bundle-deployed', tenant, bundle, manifest, bytes, at });
    }
    this.#desk.answer(asker, { kind: 'deployed', bundle, manifest });
  }
}
