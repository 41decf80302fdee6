/** `ScopesService`: savepoints of scopes. */
import { type SavepointRequest, type SavepointView, troupeError } from '@troupe/model';
import { checkedSavepoint, checkedScope, tenantOf } from './checked.ts';
import { type Asked, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';

interface ScopeRequest {
  readonly tenant: string;
  readonly scope: string;
}

interface SavepointNamed extends ScopeRequest {
  readonly savepoint: string;
}

/** A survey of a large scope asks nodes that may be between two lives. */
const surveyMs = 45_000;

export function scopesService(gateway: Gateway) {
  return {
    MakeSavepoint: unary(gateway, async ({ request, ...asked }: Asked<SavepointNamed>) => {
      const deadlineAt = asked.deadlineAt ?? gateway.now() + surveyMs;
      const body = { kind: 'make-savepoint', ...named(request) } as const;
      const answer = await gateway.requests.ask(body, { deadlineAt, signal: asked.signal });
      if (answer.kind !== 'savepoint') throw unexpected(answer.kind);
      return { savepoint: messageOf(answer.savepoint) };
    }),
    ListSavepoints: unary(gateway, async ({ request, ...asked }: Asked<ScopeRequest>) => {
      const { tenant, scope } = request;
      const of = { tenant: tenantOf(tenant), scope: checkedScope(scope) };
      const answer = await gateway.requests.ask({ kind: 'list-savepoints', ...of }, asked);
      if (answer.kind !== 'savepoints') throw unexpected(answer.kind);
      return { savepoints: answer.savepoints.map(messageOf), actors: answer.actors };
    }),
    DropSavepoint: unary(gateway, async ({ request, ...asked }: Asked<SavepointNamed>) => {
      await gateway.requests.ask({ kind: 'drop-savepoint', ...named(request) }, asked);
      return {};
    }),
  };
}

function named({
  tenant,
  scope,
  savepoint,
}: SavepointNamed): Omit<Extract<SavepointRequest, { kind: 'make-savepoint' }>, 'kind'> {
  return {
    tenant: tenantOf(tenant),
    scope: checkedScope(scope),
    savepoint: checkedSavepoint(savepoint),
  };
}

function messageOf({ at, ...savepoint }: SavepointView): object {
  return { ...savepoint, at: Math.floor(at) };
}

function unexpected(kind: string): Error {
  return troupeError('INTERNAL', `answered by "${kind}"`);
}
