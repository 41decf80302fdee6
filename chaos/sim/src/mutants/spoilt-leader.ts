/** Deliberate faults in what a leader hears and says. */
import {
  failure,
  type NodeToLeader,
  type Outcome,
  type Request,
  type Workflow,
} from '@troupe/model';
import type { SchedulerReply, SchedulerSend } from '@troupe/scheduler-core';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

type ToNodeSend = Extract<SchedulerSend, { kind: 'to-node' }>;

export function heardByLeader(world: World, message: NodeToLeader): NodeToLeader {
  const { mutant } = world;
  if (mutant === 'placements-not-heard-of' && message.kind === 'place-seen') {
    return { ...message, placed: [] };
  }
  if (message.kind !== 'task-result') return message;
  const task = world.checks.truth.tasks.get(message.task);
  if (mutant === 'given-up-before-its-limit' && message.attempt === 1) {
    const reason = failure('TIME_LIMIT', `attempt 1 of ${message.task} took too long`);
    return { ...message, outcome: { ok: false, failure: reason } };
  }
  if (mutant === 'tenant-not-charged' && task !== undefined) {
    return isSpared(task.tenant) ? { ...message, durationMs: 1 } : message;
  }
  if (mutant === 'charged-twice' && task !== undefined) {
    return isSpared(task.tenant) ? { ...message, durationMs: message.durationMs * 2 } : message;
  }
  if (mutant === 'charged-without-weight' && task !== undefined) {
    const weight = world.checks.truth.weights.get(task.tenant) ?? 1;
    return { ...message, durationMs: message.durationMs * weight };
  }
  if (mutant !== 'old-attempt-accepted') return message;
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

/** What a leader tells an asker. */
export function repliedByLeader(world: World, reply: SchedulerReply): SchedulerReply {
  const { message } = reply;
  if (world.mutant !== 'result-told-to-another' || message.kind !== 'answered') return reply;
  const { answer } = message;
  if (answer.kind !== 'task-ended') return reply;
  const before = lastOutcomes.get(world) ?? answer.outcome;
  lastOutcomes.set(world, answer.outcome);
  return { ...reply, message: { ...message, answer: { ...answer, outcome: before } } };
}

const lastOutcomes = new WeakMap<World, Outcome>();

/** A leader that took over does not know what it has sent where. */
export function strayAttempt(world: World, process: Process, send: ToNodeSend): void {
  const { message } = send;
  if (world.mutant !== 'attempt-sent-twice' || message.kind !== 'run-task') return;
  const { attempt, task } = message;
  const known = world.checks.truth.tasks.get(task);
  if (known?.attempt !== attempt || message.term.number <= 1) return;
  for (const { node } of world.checks.truth.actors.values()) {
    if (node === send.node) continue;
    world.network.send(process, `node:${node}`, message);
    return;
  }
}

/** About half of all tenants. */
function isSpared(tenant: string): boolean {
  return tenant.charCodeAt(tenant.length - 1) % 2 === 0;
}
