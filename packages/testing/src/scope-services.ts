/** Unary calls about scopes: their savepoints, lines, and going back. */
import { type ActorId, type LineTarget, type SavepointView, tenantName } from '@troupe/model';
import { type Services, told } from './service.ts';

interface Named {
  readonly savepoint: string;
  readonly actor: string;
  readonly turn: number;
}

export const scopeServices: Services = {
  async 'ScopesService/MakeSavepoint'({ tenant, scope, savepoint }, ask) {
    const body = { kind: 'make-savepoint', tenant: tenantName(tenant), scope, savepoint } as const;
    return { savepoint: messageOf(told('savepoint', await ask(body)).savepoint) };
  },
  async 'ScopesService/ListSavepoints'({ tenant, scope, after }, ask) {
    const of = { tenant: tenantName(tenant), scope, ...(after === '' ? {} : { after }) };
    const answer = await ask({ kind: 'list-savepoints', ...of });
    const { savepoints, actors, more } = told('savepoints', answer);
    return { savepoints: savepoints.map(messageOf), actors, more };
  },
  async 'ScopesService/ShowLine'({ tenant, scope, ...named }, ask) {
    const of = { tenant: tenantName(tenant), scope, to: targetOf(named) };
    return told('line', await ask({ kind: 'show-line', ...of })).line;
  },
  async 'ScopesService/Rewind'({ tenant, scope, by, ...named }, ask) {
    const of = { tenant: tenantName(tenant), scope, to: targetOf(named), by };
    const { line, incarnation } = told('rewound', await ask({ kind: 'rewind', ...of })).rewound;
    return { line, incarnation };
  },
  async 'ScopesService/DropSavepoint'({ tenant, scope, savepoint }, ask) {
    told(
      'done',
      await ask({ kind: 'drop-savepoint', tenant: tenantName(tenant), scope, savepoint }),
    );
    return {};
  },
};

function targetOf({ savepoint, actor, turn }: Named): LineTarget {
  return savepoint === '' ? { actor: actor as ActorId, turn } : { savepoint };
}

function messageOf({ at, ...savepoint }: SavepointView) {
  return { ...savepoint, at: Math.floor(at) };
}
