/** What a tenant is configured with, as operators see and change it. */
import { decodeValue, encodeValue } from '@troupe/model';
import type { ConfigValues } from './context.ts';
import { checkWhole } from './definition.ts';
import type { ConfigMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

/** One version of it. Values that name secrets are references, never the secrets. */
export interface ConfigView {
  /** Rises by one with each change; 0 while nothing was ever set. */
  readonly version: number;
  readonly values: ConfigValues;
}

export interface SetConfigOptions {
  /** Names that are to be there no more. */
  readonly unset?: readonly string[];
  /** Change only this version: `WRONG_STATE` when there is a later one. */
  readonly version?: number;
}

export interface Config {
  show(): Promise<ConfigView>;
  /** Sets these and leaves the others. What begins from then on sees it, as soon as its node knows; what
   *  has begun goes on with what it began with. What is so already makes no new version. */
  set(values: ConfigValues, options?: SetConfigOptions): Promise<ConfigView>;
}

export function configOf(unary: Unary, tenant: string): Config {
  return {
    show: async () => viewOf(await unary.ask('ClusterService/GetConfig', { tenant })),
    async set(values, { unset = [], version } = {}) {
      checkWhole('version', version, 0);
      const value = encodeValue(values, 'config');
      const of = version === undefined ? {} : { version };
      const asked = { tenant, value, json: '', unset, ...of };
      return viewOf(await unary.ask('ClusterService/PutConfig', asked, { begins: true }));
    },
  };
}

function viewOf({ version, value }: ConfigMessage): ConfigView {
  return { version, values: decodeValue(value) as ConfigValues };
}
