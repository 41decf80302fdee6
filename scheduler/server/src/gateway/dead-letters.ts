/** Which actors of a tenant have dead letters, as the leader finds out from the nodes. */
import { isTypeName, troupeError } from '@troupe/model';
import { checkedLimit, tenantOf } from './checked.ts';
import type { Asked } from './coded.ts';
import type { Gateway } from './gateway.ts';

export interface ListDeadLettersRequest {
  readonly tenant: string;
  readonly type: string;
  readonly after: string;
  readonly limit: number;
}

/** The leader has a bound of its own, below. */
const listedMax = 10_000;

export async function listDeadLetters(
  gateway: Gateway,
  { request, deadlineAt, signal }: Asked<ListDeadLettersRequest>,
) {
  const { type, after } = request;
  if (type !== '' && !isTypeName(type)) {
    throw troupeError('INVALID_ARGUMENT', `${JSON.stringify(type)} is no type of actors`);
  }
  const body = {
    kind: 'list-dead-letters',
    tenant: tenantOf(request.tenant),
    ...(type === '' ? {} : { type }),
    ...(after === '' ? {} : { after }),
    limit: checkedLimit(request.limit, listedMax),
  } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'dead-letters') {
    throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  }
  const { kind: _, next = '', ...page } = answer;
  return { ...page, next };
}
