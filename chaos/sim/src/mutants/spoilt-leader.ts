/** Deliberate faults in what a leader hears and says. */
import type { NodeToLeader, Request, Workflow } from '@troupe/model';
import type { SchedulerSend } from '@troupe/scheduler-core';
import type { World } from '../world/world.ts';

export function heardByLeader(world: World, message: NodeToLeader): NodeToLeader {
  if (world.mutant !== 'old-attempt-accepted' || message.kind !== 'task-result') return message;
  const task = world.checks.truth.tasks.get(message.task);
  if (task?.node === undefined) return message;
  return { ...message, attempt: task.attempt, incarnation: task.node };
}

export function requestedOfLeader(world: World, request: Request): Request {
  const { body } = request;
  if (world.mutant !== 'lost-edge-in-a-join' || body.kind !== 'deploy') return request;
  const workflows = body.manifest.workflows.map(withoutOneEdge);
  return { ...request, body: { ...body, manifest: { ...body.manifest, workflows } } };
}

export function saidByLeader(world: World, send: SchedulerSend): SchedulerSend {
  const { mutant } = world;
  if (mutant === 'chain-forgets-a-log' && send.kind === 'to-node') {
    const { message } = send;
    if (message.kind !== 'place') return send;
    return { ...send, message: { ...message, chain: message.chain.slice(-1) } };
  }
  if (mutant === 'journal-trimmed-too-far' && send.kind === 'trim-journal') {
    return { ...send, before: send.before + 10 };
  }
  return send;
}

/** The first join waits for all but its last predecessor. */
function withoutOneEdge(workflow: Workflow): Workflow {
  const join = workflow.blocks.find((block) => block.kind === 'task' && block.after.length > 1);
  if (join?.kind !== 'task') return workflow;
  const after = join.after.slice(0, -1);
  const before = after.map((id) => ({ $ref: ['blocks', id] }));
  const input = { id: { $ref: ['input', 'ids', join.id] }, before };
  const blocks = workflow.blocks.map((block) =>
    block === join ? { ...join, after, input } : block,
  );
  return { ...workflow, blocks };
}
