/** Large values of tasks, between a node and the object store. */
import { createHash } from 'node:crypto';
import { failure, type ObjectBody, type StoredObject } from '@troupe/model';
import type { NodeEvent, NodeSend, NodeWork } from '@troupe/worker-node-core';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

type Result<K extends NodeEvent['kind']> = Omit<Extract<NodeEvent, { kind: K }>, 'wall'>;
type Tell = (
  event: Result<'object-stored'> | Result<'objects-read'> | Result<'objects-failed'>,
) => void;

export function putObject(
  world: World,
  process: Process,
  { task, attempt, object, body }: Extract<NodeSend, { kind: 'put-object' }>,
  tell: Tell,
): void {
  world.coverage.reach('an output goes to the object store');
  const stored = {
    object,
    hash: createHash('sha256').update(body).digest('hex'),
    bytes: body.length,
  };
  world.requests.untilAnswered(
    process,
    'store',
    () => {
      if (world.requests.full) return 'full';
      world.objects.outputs.set(object, body);
      return 'stored';
    },
    () => tell({ kind: 'object-stored', task, attempt, stored }),
  );
}

export function readObjects(
  world: World,
  process: Process,
  { task, attempt, objects }: Extract<NodeWork, { kind: 'read-objects' }>,
  tell: Tell,
): void {
  world.requests.untilAnswered(
    process,
    'store',
    () => bodiesOf(world, objects),
    (bodies) => {
      if (bodies.length === objects.length) {
        return tell({ kind: 'objects-read', task, attempt, objects: bodies });
      }
      const reason = failure('OBJECT_CORRUPT', `an object of task ${task} is not in the store`);
      tell({ kind: 'objects-failed', task, attempt, failure: reason });
    },
  );
}

function bodiesOf({ objects: server }: World, objects: readonly StoredObject[]): ObjectBody[] {
  return objects.flatMap(({ object }) => {
    const body = server.outputs.get(object);
    return body === undefined ? [] : [{ object, body }];
  });
}
