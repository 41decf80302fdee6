/**
 * Configurations of tenants, durably: the latest version of each, and those before it for as long as
 * turns that began with them may run again.
 *
 * C1  the versions of a tenant are numbered from 1 without gaps, and the latest is always kept.
 */
import {
  assert,
  type Bytes,
  type ConfigVersion,
  emptyConfig,
  limits,
  type TenantName,
} from '@troupe/model';
import type { SchedulerFact } from './facts.ts';

export type ConfigsImage = readonly {
  readonly tenant: TenantName;
  readonly versions: readonly ConfigVersion[];
}[];

type ConfigFact = Extract<SchedulerFact, { kind: 'config-put' }>;

export class ConfigTable {
  /** The oldest first. */
  readonly #versions = new Map<TenantName, readonly ConfigVersion[]>();

  /** Tenants that have one. */
  get size(): number {
    return this.#versions.size;
  }

  latest(tenant: TenantName): ConfigVersion {
    return this.#versions.get(tenant)?.at(-1) ?? emptyConfig;
  }

  /** That version, or the latest where it is not kept any more. */
  at(tenant: TenantName, version: number): ConfigVersion {
    if (version === 0) return emptyConfig;
    const kept = this.#versions.get(tenant)?.find((one) => one.version === version);
    return kept ?? this.latest(tenant);
  }

  apply({ tenant, version, values }: ConfigFact): void {
    assert(version === this.latest(tenant).version + 1, 'C1: versions are numbered without gaps');
    const versions = this.#versions.get(tenant) ?? [];
    this.#versions.set(tenant, bounded([...versions, { version, values }]));
  }

  image(): ConfigsImage {
    return [...this.#versions].map(([tenant, versions]) => ({ tenant, versions }));
  }

  restore(image: ConfigsImage): void {
    for (const { tenant, versions } of image) this.#versions.set(tenant, versions);
  }

  check(): void {
    for (const versions of this.#versions.values()) {
      assert(versions.length > 0, 'C1: the latest version is always kept');
    }
  }
}

function bounded(versions: readonly ConfigVersion[]): readonly ConfigVersion[] {
  let bytes = versions.reduce((sum, { values }) => sum + sizeOf(values), 0);
  let from = Math.max(0, versions.length - limits.configVersionsKeptMax);
  for (const { values } of versions.slice(0, from)) bytes -= sizeOf(values);
  while (bytes > limits.configBytesKeptMax && from < versions.length - 1) {
    bytes -= sizeOf(versions[from]?.values);
    from += 1;
  }
  return from === 0 ? versions : versions.slice(from);
}

function sizeOf(values: Bytes | undefined): number {
  return values?.length ?? 0;
}
