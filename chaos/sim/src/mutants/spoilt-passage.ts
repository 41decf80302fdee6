/** What passes between machines and world in a simulated run, with the deliberate faults that sit there. */
import type { ActorId, ToNode } from '@troupe/model';
import type { Hearing, Passage } from '@troupe/virtual';
import type { World } from '../world/world.ts';
import {
  heardByLeader,
  repliedByLeader,
  requestedOfLeader,
  saidByLeader,
  strayAttempt,
  takenByLeader,
} from './spoilt-leader.ts';
import { spoiltMachine } from './spoilt-machine.ts';
import { heardByNode, saidByNode, turnedByNode } from './spoilt-node.ts';
import { Blame } from './spoilt-pool.ts';
import { heardOfRewind } from './spoilt-rewind.ts';
import { heardByRunner } from './spoilt-runner.ts';
import { remembered } from './spoilt-scene.ts';

export function spoiltPassage(world: World): Passage {
  const blame = new Blame(world);
  return {
    machine: (machine, mouth) => spoiltMachine(world, machine, mouth),
    nodeMachine: (machine) => turnedByNode(world, machine),
    toNode(node, message) {
      noteStates(world, node, message);
      const heard = heardOfRewind(world, message, (actor) => {
        return node.machine?.actors.get(actor as ActorId)?.rewind.incarnation ?? 0;
      });
      return heardByNode(world, node.process, heard);
    },
    fromNode: (send, post) => saidByNode(world, send, post),
    toRunner: (frame) => heardByRunner(world, frame),
    insteadOfRunner: (frame) => blame.answer(frame),
    runnerDied: (callIds) => blame.put(callIds),
    toLeader: (message) =>
      takenByLeader(world, message).map((taken) => heardByLeader(world, taken)),
    requested: (request) => requestedOfLeader(world, request),
    fromLeader(process, send) {
      const said = saidByLeader(world, send);
      if (said.kind === 'to-node') strayAttempt(world, process, said);
      return said;
    },
    replied: (reply) => repliedByLeader(world, reply),
    fact: (fact) => remembered(world, fact),
  };
}

/** Which interesting states a message leads to. */
function noteStates(world: World, { machine, draining }: Hearing, message: ToNode): void {
  const { coverage, checks } = world;
  if (message.kind === 'place') {
    if (draining) coverage.reach('a drain races a placement');
    const known = machine?.actors.get(message.actor);
    if (known !== undefined && known.epoch >= message.epoch) {
      coverage.reach('a placement arrives twice');
    }
  }
  if (message.kind === 'timers-due') {
    for (const { actor } of message.timers) {
      if (machine?.actors.get(actor)?.phase === 'cold') coverage.reach('a timer wakes an actor');
    }
  }
  if (message.kind === 'letter') {
    const { memory } = checks.truth.actors.get(message.to) ?? {};
    const taken = memory?.recv.get(`${message.from}#${message.fromBirth}`) ?? 0;
    if (message.number > taken + 1) coverage.reach('a letter out of order waits');
  }
}
