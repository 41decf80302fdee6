/**
 * What user code of each tenant is configured with: the version that the node gave last, and the
 * secrets that it names.
 *
 * N1  what a turn sees is what was given last before the turn was, and does not change while it runs.
 * N2  a secret that user code was given is remembered, so that nothing with it in is recorded.
 */
import {
  decodeValue,
  isSecret,
  limits,
  type ResolvedSecrets,
  type TenantName,
  type ToRunner,
  troupeError,
} from '@troupe/model';
import { freeze } from 'immer';
import { revealed } from './revealed.ts';

export type ConfigValues = { readonly [name: string]: unknown };

export class Configured {
  readonly values: ConfigValues;
  readonly #secrets: ResolvedSecrets;

  constructor(values: ConfigValues, secrets: ResolvedSecrets = {}) {
    this.values = freeze(values, true);
    this.#secrets = secrets;
  }

  /** The secret that a value names. */
  secret(name: string): string {
    const reference = Object.hasOwn(this.values, name) ? this.values[name] : undefined;
    if (!isSecret(reference)) {
      const what = `${JSON.stringify(name)} of the configuration names no secret`;
      throw troupeError('SECRET_UNAVAILABLE', what, { name });
    }
    const found = this.#secrets[reference];
    if (found?.ok === true) {
      revealed.add(reference, found.value);
      return found.value;
    }
    const why = found?.why ?? 'the node says nothing of it';
    throw troupeError('SECRET_UNAVAILABLE', `${reference} cannot be had: ${why}`, { name });
  }
}

export const notConfigured = new Configured({});

export class Configs {
  readonly #given = new Map<TenantName, Configured>();

  give({ tenant, values, secrets }: Extract<ToRunner, { kind: 'config' }>): void {
    this.#given.delete(tenant);
    this.#given.set(tenant, new Configured(decodeValue(values) as ConfigValues, secrets));
    if (this.#given.size <= limits.runnerConfigsMax) return;
    const [oldest] = this.#given.keys();
    if (oldest !== undefined) this.#given.delete(oldest);
  }

  of(tenant: TenantName): Configured {
    return this.#given.get(tenant) ?? notConfigured;
  }
}
