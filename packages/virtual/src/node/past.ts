/** Segments of the past of actors, from the virtual store. */
import { type Bytes, decode, encode } from '@troupe/model';
import type { NodeEvent, NodeWork } from '@troupe/worker-node-core';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

type Read = Omit<Extract<NodeEvent, { kind: 'past-read' }>, 'wall'>;

export function readPast(
  world: World,
  process: Process,
  { ask, keys }: Extract<NodeWork, { kind: 'read-past' }>,
  tell: (event: Read) => void,
): void {
  const read = () => keys.map((key) => world.checkpoints.get(key)?.body);
  world.requests.untilAnswered(process, 'store', read, (bodies) => {
    world.coverage.reach('a former actor is read from its segments');
    const spoilt = world.mutant === 'former-actors-not-rolled-forward';
    tell({ kind: 'past-read', ask, bodies: spoilt ? bodies.map(withoutChanges) : bodies });
  });
}

/** One version of an actor, and what it lies on. */
export function readVersion(
  world: World,
  process: Process,
  { ask, actor, revision }: Extract<NodeWork, { kind: 'read-version' }>,
  tell: (event: Read) => void,
): void {
  const read = () => world.checkpoints.versions(actor).find((one) => one.revision === revision);
  world.requests.untilAnswered(process, 'store', read, (found) => {
    tell({ kind: 'past-read', ask, bodies: [found?.body, found?.base] });
  });
}

function withoutChanges(body: Bytes | undefined): Bytes | undefined {
  if (body === undefined) return undefined;
  const segment = decode<{ facts?: { delta?: Bytes }[] }>(body);
  const facts = segment.facts?.map(({ delta: _, ...fact }) => fact);
  return encode(facts === undefined ? segment : { ...segment, facts });
}
