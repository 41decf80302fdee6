/** The calls of `ClusterService` that show and change configurations. */
import { encodeValue, type RequestBody, troupeError } from '@troupe/model';
import { checkedNumber, jsonOf, tenantOf, valueGiven } from './checked.ts';
import type { Asked } from './coded.ts';
import type { Gateway } from './gateway.ts';

export interface PutConfigRequest {
  readonly tenant: string;
  readonly value: Uint8Array;
  readonly json: string;
  readonly unset: readonly string[];
  readonly version?: number | null;
}

export async function getConfig(gateway: Gateway, asked: Asked<{ tenant: string }>) {
  const tenant = tenantOf(asked.request.tenant);
  return await told(gateway, asked, { kind: 'get-config', tenant });
}

export async function putConfig(gateway: Gateway, asked: Asked<PutConfigRequest>) {
  const { tenant, value, json, unset, version } = asked.request;
  const { bytes } = valueGiven(value, json);
  const isOf = version === undefined || version === null;
  return await told(gateway, asked, {
    kind: 'put-config',
    tenant: tenantOf(tenant),
    set: bytes.length === 0 ? encodeValue({}) : bytes,
    unset,
    ...(isOf ? {} : { version: checkedNumber('version', version, 0) }),
  });
}

async function told(
  gateway: Gateway,
  { deadlineAt, signal }: Asked<unknown>,
  body: Extract<RequestBody, { kind: 'get-config' | 'put-config' }>,
) {
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'config') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  const { version, values } = answer;
  return { version, value: values, json: jsonOf(values) };
}
