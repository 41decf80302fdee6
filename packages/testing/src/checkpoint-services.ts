/** Unary calls about the versions of actors that are kept: read from the store itself, as by a gateway. */
import { type ActorBorn, exported, imported, tooFarBack } from '@troupe/fabric/shelf';
import {
  type CheckpointView,
  encodeSeed,
  isFailure,
  type Seed,
  seedOf,
  stateOf,
  TroupeError,
  tenantName,
} from '@troupe/model';
import type { UnaryMethods } from '@troupe/sdk/door';
import { messageOf as actorMessageOf, nameOf, viewOf } from './actor-services.ts';
import { type Ask, errorOf, type Services, type Shelf, told } from './service.ts';

type PlantRequest = UnaryMethods['CheckpointsService/PlantActor']['request'];
type ListResponse = UnaryMethods['CheckpointsService/ListVersions']['response'];
type Named = Parameters<typeof nameOf>[0];

export const checkpointServices: Services = {
  async 'CheckpointsService/ListVersions'({ abandoned: all, ...named }, ask, shelf) {
    return { checkpoints: (await shelf.list(await bornOf(named, ask), { all })).map(messageOf) };
  },
  async 'CheckpointsService/GetVersion'({ checkpoint, ...named }, ask, shelf) {
    const { contents, view } = await shelf.read(await bornOf(named, ask), checkpoint);
    return { checkpoint: messageOf(view), value: stateOf(contents) };
  },
  async 'CheckpointsService/PinVersion'({ checkpoint, pinned, ...named }, ask, shelf) {
    const of = await bornOf(named, ask);
    if (pinned) await shelf.pin(of, checkpoint);
    else await shelf.unpin(of, checkpoint);
    return {};
  },
  async 'CheckpointsService/RestoreVersion'({ checkpoint, by, ...named }, ask, shelf) {
    const actor = nameOf(named);
    const { birth, scope } = await viewOf(actor, ask);
    const wish = { tenant: tenantName(named.tenant), scope, by };
    const answer = await shelf.read({ actor, birth }, checkpoint).then(
      async ({ contents: { turn } }) => {
        const body = { kind: 'rewind', ...wish, to: { actor, turn } } as const;
        return await ask(body).catch((thrown: unknown) => {
          throw tooFarBack(thrown, actor, checkpoint);
        });
      },
      async (thrown: unknown) => {
        // It may have gone since this was asked for the first time.
        const found = await ask({ kind: 'find-rewind', ...wish });
        if (found.kind === 'done') throw thrown;
        return found;
      },
    );
    const { line, incarnation } = told('rewound', answer).rewound;
    return { line, incarnation };
  },
  async 'CheckpointsService/ExportVersion'({ checkpoint, ...named }, ask, shelf) {
    const { contents } = await shelf.read(await bornOf(named, ask), checkpoint);
    return { exported: exported(encodeSeed(seedOf(contents))) };
  },
  async 'CheckpointsService/PlantActor'(request, ask, shelf) {
    const { by, scope } = request;
    const actor = nameOf(request);
    const state = await seedFor(request, ask, shelf);
    const seed = await shelf.plant(actor, by, encodeSeed(state));
    const code = state.code === undefined ? {} : { code: state.code };
    const of = { actor, by, seed, ...code, ...(scope === '' ? {} : { scope }) };
    const answer = await ask({ kind: 'create-actor', ...of }).catch(async (thrown: unknown) => {
      // Nobody will ask for it.
      const isOver =
        thrown instanceof TroupeError && thrown.outcome === 'none' && !thrown.retryable;
      if (isOver) await shelf.clear(seed);
      throw thrown;
    });
    const planted = told('actor', answer).actor;
    await shelf.clear(seed, { actor, birth: planted.birth });
    return { actor: actorMessageOf(planted) };
  },
};

async function seedFor(request: PlantRequest, ask: Ask, shelf: Shelf): Promise<Seed> {
  if (request.exported.length > 0) return imported(request.exported, nameOf(request));
  const { tenant, type, fromKey, checkpoint } = request;
  const of = await bornOf({ tenant, type, key: fromKey }, ask);
  return seedOf((await shelf.read(of, checkpoint)).contents);
}

async function bornOf(named: Named, ask: Ask): Promise<ActorBorn> {
  const actor = nameOf(named);
  const { birth } = await viewOf(actor, ask);
  return { actor, birth };
}

function messageOf({
  id,
  bytes,
  pinned,
  abandoned,
  contents,
}: CheckpointView): ListResponse['checkpoints'][number] {
  const known = { id, bytes, pinned, abandoned: abandoned === true };
  const unread = { turn: 0, epoch: 0, birth: 0, at: 0, clock: {}, cause: '' };
  if (isFailure(contents)) return { ...known, ...unread, failure: errorOf(contents) };
  const { turn, epoch, birth, at, clock, made, codeVersion: code } = contents;
  const cause = made === undefined ? { cause: '' } : { cause: made.cause, tookMs: made.tookMs };
  const by = code === undefined ? {} : { code };
  return { ...known, turn, epoch, birth, at, clock, ...cause, ...by };
}
