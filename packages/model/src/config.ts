/**
 * What differs by deployment without another bundle: named values of a tenant, in versions. A value may
 * name a secret, which only the node that runs the code resolves: nothing here ever holds one.
 */
import { encodeValue } from './codec.ts';
import { type Failure, failure } from './errors.ts';
import { type Bytes, type Incarnation, isTypeName, type TenantName } from './ids.ts';
import { limits } from './limits.ts';
import type { Term } from './messages.ts';

/** One version of a tenant's configuration. 0 is the empty one that every tenant begins with. */
export interface ConfigVersion {
  readonly version: number;
  /** `encodeValue` of an object, its names in order. */
  readonly values: Bytes;
}

export type ConfigRequest =
  | { readonly kind: 'get-config'; readonly tenant: TenantName }
  | {
      /** Answered with what is so then. What is so already makes no new version. */
      readonly kind: 'put-config';
      readonly tenant: TenantName;
      /** `encodeValue` of an object. */
      readonly set: Bytes;
      readonly unset: readonly string[];
      /** Of the one that is to be changed: `WRONG_STATE` when there is a later one. */
      readonly version?: number;
    };

export interface ConfigAnswer extends ConfigVersion {
  readonly kind: 'config';
}

/** leader → node, resent until `config-seen`: there is this version. */
export interface ConfigNews {
  readonly kind: 'config-news';
  readonly term: Term;
  readonly tenant: TenantName;
  readonly version: number;
}

export interface ConfigSeen {
  readonly kind: 'config-seen';
  readonly incarnation: Incarnation;
  readonly tenant: TenantName;
  readonly version: number;
}

/** node → leader, resent until answered. */
export interface AskConfig {
  readonly kind: 'ask-config';
  readonly incarnation: Incarnation;
  readonly tenant: TenantName;
  readonly version: number;
}

/** leader → node: the version that was asked for, or the latest where that is not kept any more. */
export interface ConfigTold extends ConfigVersion {
  readonly kind: 'config-told';
  readonly term: Term;
  readonly tenant: TenantName;
  readonly asked: number;
}

/** What a secret is on a node: its value, or why it cannot be had there. */
export type ResolvedSecret =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly why: string };

export type ResolvedSecrets = { readonly [reference: string]: ResolvedSecret };

export const emptyConfig: ConfigVersion = { version: 0, values: encodeValue({}) };

const secretPrefix = 'secret:';
const secretForm = /^secret:(env:[A-Za-z_][A-Za-z0-9_]*|file:\/[^\0]+)$/;

/** True for what is meant to name a secret, also when it names none. */
export function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(secretPrefix);
}

/** The source of a secret and its name there. */
export function secretParts(reference: string): { source: 'env' | 'file'; name: string } {
  const rest = reference.slice(secretPrefix.length);
  return rest.startsWith('env:')
    ? { source: 'env', name: rest.slice('env:'.length) }
    : { source: 'file', name: rest.slice('file:'.length) };
}

/** The references among the values of a configuration: only these, not what lies deeper. */
export function secretsIn(values: { readonly [name: string]: unknown }): readonly string[] {
  return [...new Set(Object.values(values).filter(isSecret))];
}

/** What is wrong with a configuration, if anything. */
export function configFault(values: unknown): Failure | undefined {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return failure('INVALID_ARGUMENT', 'a configuration is an object of named values');
  }
  const names = Object.keys(values);
  if (names.length > limits.configNamesMax) {
    const what = `${names.length} values are too many, ${limits.configNamesMax} are allowed`;
    return failure('RESOURCE_EXHAUSTED', what);
  }
  for (const [name, value] of Object.entries(values)) {
    if (!isTypeName(name) || name === '__proto__') {
      return failure('INVALID_ARGUMENT', `${JSON.stringify(name)} is no name of a value`);
    }
    if (isSecret(value) && !secretForm.test(value)) {
      const what = `${name} names no secret: write secret:env:NAME or secret:file:/path`;
      return failure('INVALID_ARGUMENT', what, { name });
    }
  }
  return undefined;
}
