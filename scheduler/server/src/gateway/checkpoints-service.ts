/** `CheckpointsService`: the versions of actors that are kept. They are read from the store itself, also of an
 *  actor that cannot be brought back. */
import { crashPoint } from '@troupe/fabric';
import { type ActorBorn, exported, imported, tooFarBack } from '@troupe/fabric/shelf';
import {
  type ActorId,
  type CheckpointView,
  encodeSeed,
  isFailure,
  type Seed,
  seedOf,
  stateOf,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { type NamedActor, nameOf, messageOf as viewMessageOf, viewOf } from './actor-lives.ts';
import { checkedId, checkedNumber, checkedScope, jsonOf, tenantOf } from './checked.ts';
import { type Asked, errorMessage, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';

export interface NamedCheckpoint extends NamedActor {
  readonly checkpoint: number;
}

interface ListRequest extends NamedActor {
  readonly abandoned: boolean;
}

interface GetRequest extends NamedCheckpoint {
  readonly asJson: boolean;
}

interface RestoreRequest extends NamedCheckpoint {
  readonly by: string;
}

interface PlantRequest extends RestoreRequest {
  readonly scope: string;
  readonly fromKey: string;
  readonly exported: Uint8Array;
}

interface PinRequest extends NamedCheckpoint {
  readonly pinned: boolean;
}

export function checkpointsService(gateway: Gateway) {
  return {
    ListVersions: unary(gateway, async (asked: Asked<ListRequest>) => {
      const of = await bornOf(gateway, asked);
      const all = asked.request.abandoned;
      return { checkpoints: (await gateway.checkpoints.list(of, { all })).map(messageOf) };
    }),
    GetVersion: unary(gateway, async (asked: Asked<GetRequest>) => {
      const of = await bornOf(gateway, asked);
      const { contents, view } = await gateway.checkpoints.read(of, idOf(asked.request));
      const state = stateOf(contents);
      const given = asked.request.asJson ? { json: jsonOf(state) } : { value: state };
      return { checkpoint: messageOf(view), ...given };
    }),
    PinVersion: unary(gateway, async (asked: Asked<PinRequest>) => {
      const of = await bornOf(gateway, asked);
      const id = idOf(asked.request);
      if (asked.request.pinned) await gateway.checkpoints.pin(of, id);
      else await gateway.checkpoints.unpin(of, id);
      return {};
    }),
    RestoreVersion: unary(gateway, (asked: Asked<RestoreRequest>) => restore(gateway, asked)),
    ExportVersion: unary(gateway, async (asked: Asked<NamedCheckpoint>) => {
      const of = await bornOf(gateway, asked);
      const { contents } = await gateway.checkpoints.read(of, idOf(asked.request));
      return { exported: exported(encodeSeed(seedOf(contents))) };
    }),
    PlantActor: unary(gateway, (asked: Asked<PlantRequest>) => plant(gateway, asked)),
  };
}

/** Everybody of the scope is told, whatever dies meanwhile. */
const restoreMs = 180_000;

async function restore(gateway: Gateway, asked: Asked<RestoreRequest>) {
  const { request, signal } = asked;
  const actor = nameOf(request);
  const { birth, scope } = await viewOf(gateway, asked, actor);
  const deadlineAt = asked.deadlineAt ?? gateway.now() + restoreMs;
  const wish = { tenant: tenantOf(request.tenant), scope, by: checkedId('by', request.by) };
  const id = idOf(request);
  const read = gateway.checkpoints.read({ actor, birth }, id);
  const answer = await read.then(
    async ({ contents: { turn } }) => {
      const body = { kind: 'rewind', ...wish, to: { actor, turn } } as const;
      return await gateway.requests.ask(body, { deadlineAt, signal }).catch((thrown) => {
        throw tooFarBack(thrown, actor, id);
      });
    },
    async (thrown: unknown) => {
      // It may have gone since this was asked for the first time.
      const body = { kind: 'find-rewind', ...wish } as const;
      const found = await gateway.requests.ask(body, { deadlineAt, signal });
      if (found.kind === 'done') throw thrown;
      return found;
    },
  );
  if (answer.kind !== 'rewound') throw unexpected(answer.kind);
  const { line, incarnation } = answer.rewound;
  return { line, incarnation };
}

async function plant(gateway: Gateway, asked: Asked<PlantRequest>) {
  const { request, deadlineAt, signal } = asked;
  const actor = nameOf(request);
  const by = checkedId('by', request.by);
  const scope = request.scope === '' ? {} : { scope: checkedScope(request.scope) };
  const state = await seedFor(gateway, asked, actor);
  crashPoint('gateway.plant');
  const seed = await gateway.checkpoints.plant(actor, by, encodeSeed(state));
  crashPoint('gateway.planted');
  const code = state.code === undefined ? {} : { code: state.code };
  const of = { ...scope, ...code, seed };
  const body = { kind: 'create-actor', actor, by, ...of } as const;
  const answer = await gateway.requests
    .ask(body, { deadlineAt, signal })
    .catch(async (thrown: unknown) => {
      // Nobody will ask for it.
      const isOver =
        thrown instanceof TroupeError && thrown.outcome === 'none' && !thrown.retryable;
      if (isOver) await gateway.checkpoints.clear(seed);
      throw thrown;
    });
  if (answer.kind !== 'actor') throw unexpected(answer.kind);
  await gateway.checkpoints.clear(seed, { actor, birth: answer.actor.birth });
  return { actor: viewMessageOf(answer.actor) };
}

async function seedFor(
  gateway: Gateway,
  asked: Asked<PlantRequest>,
  actor: ActorId,
): Promise<Seed> {
  const { request } = asked;
  if (request.exported.length > 0) return imported(request.exported, actor);
  const source = nameOf({ ...request, key: request.fromKey });
  const { birth } = await viewOf(gateway, asked, source);
  const { contents } = await gateway.checkpoints.read({ actor: source, birth }, idOf(request));
  return seedOf(contents);
}

async function bornOf(gateway: Gateway, asked: Asked<NamedActor>): Promise<ActorBorn> {
  const actor = nameOf(asked.request);
  const { birth } = await viewOf(gateway, asked, actor);
  return { actor, birth };
}

function unexpected(kind: string): TroupeError {
  return troupeError('INTERNAL', `answered by "${kind}"`);
}

function idOf({ checkpoint }: NamedCheckpoint): number {
  return checkedNumber('checkpoint', checkpoint, 1);
}

function messageOf({ id, bytes, pinned, abandoned, contents }: CheckpointView): object {
  const known = { id, bytes, pinned, abandoned: abandoned === true };
  if (isFailure(contents)) return { ...known, failure: errorMessage(contents) };
  const { turn, epoch, birth, at, clock, made, codeVersion: code } = contents;
  const cause = made === undefined ? {} : { cause: made.cause, tookMs: made.tookMs };
  return {
    ...known,
    turn,
    epoch,
    birth,
    at,
    clock,
    ...cause,
    ...(code === undefined ? {} : { code }),
  };
}
