/** `ScopesService`: savepoints of scopes. */
import {
  type ActorId,
  actorParts,
  type LineTarget,
  type SavepointRequest,
  type SavepointView,
  troupeError,
} from '@troupe/model';
import {
  checkedActor,
  checkedId,
  checkedNumber,
  checkedSavepoint,
  checkedScope,
  tenantOf,
} from './checked.ts';
import { type Asked, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';

interface ScopeRequest {
  readonly tenant: string;
  readonly scope: string;
}

interface SavepointNamed extends ScopeRequest {
  readonly savepoint: string;
}

interface ListRequest extends ScopeRequest {
  readonly after: string;
}

interface ShowLineRequest extends SavepointNamed {
  readonly actor: string;
  readonly turn: number;
}

interface RewindRequest extends ShowLineRequest {
  readonly by: string;
}

/** Everybody of the scope is told, whatever dies meanwhile. */
const rewindMs = 180_000;
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
    ListSavepoints: unary(gateway, async ({ request, ...asked }: Asked<ListRequest>) => {
      const { tenant, scope, after } = request;
      const all = { tenant: tenantOf(tenant), scope: checkedScope(scope) };
      const of = after === '' ? all : { ...all, after: checkedSavepoint(after) };
      const answer = await gateway.requests.ask({ kind: 'list-savepoints', ...of }, asked);
      if (answer.kind !== 'savepoints') throw unexpected(answer.kind);
      const { savepoints, actors, more } = answer;
      return { savepoints: savepoints.map(messageOf), actors, more };
    }),
    ShowLine: unary(gateway, async ({ request, ...asked }: Asked<ShowLineRequest>) => {
      const deadlineAt = asked.deadlineAt ?? gateway.now() + 2 * surveyMs;
      const { tenant, scope } = request;
      const of = { tenant: tenantOf(tenant), scope: checkedScope(scope), to: targetOf(request) };
      const body = { kind: 'show-line', ...of } as const;
      const answer = await gateway.requests.ask(body, { deadlineAt, signal: asked.signal });
      if (answer.kind !== 'line') throw unexpected(answer.kind);
      return answer.line;
    }),
    Rewind: unary(gateway, async ({ request, ...asked }: Asked<RewindRequest>) => {
      const deadlineAt = asked.deadlineAt ?? gateway.now() + rewindMs;
      const { tenant, scope, by } = request;
      const of = { tenant: tenantOf(tenant), scope: checkedScope(scope), to: targetOf(request) };
      const body = { kind: 'rewind', ...of, by: checkedId('by', by) } as const;
      const answer = await gateway.requests.ask(body, { deadlineAt, signal: asked.signal });
      if (answer.kind !== 'rewound') throw unexpected(answer.kind);
      const { line, incarnation } = answer.rewound;
      return { line, incarnation };
    }),
    DropSavepoint: unary(gateway, async ({ request, ...asked }: Asked<SavepointNamed>) => {
      await gateway.requests.ask({ kind: 'drop-savepoint', ...named(request) }, asked);
      return {};
    }),
  };
}

function targetOf({ tenant, savepoint, actor, turn }: ShowLineRequest): LineTarget {
  if (savepoint !== '') return { savepoint: checkedSavepoint(savepoint) };
  const { tenant: owner, type, key } = actorParts(actor as ActorId);
  const of = tenantOf(tenant);
  if (owner !== of) {
    const what = `actor "${actor}" is no actor of tenant "${of}": write tenant/Type/key`;
    throw troupeError('INVALID_ARGUMENT', what, { argument: 'actor' });
  }
  return { actor: checkedActor(of, type, key), turn: checkedNumber('turn', turn, 0) };
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
