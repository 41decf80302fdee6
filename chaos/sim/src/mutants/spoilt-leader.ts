/** Deliberate faults in what a leader hears and says. */
import {
  failure,
  type NodeToLeader,
  type Outcome,
  type Request,
  type RequestBody,
  sessionId,
} from '@troupe/model';
import type { SchedulerReply, SchedulerSend } from '@troupe/scheduler-core';
import type { Process } from '@troupe/virtual';
import { nameOf } from '../checkers/runs/tree.ts';
import type { World } from '../world/world.ts';
import { understood } from './spoilt-scene.ts';
import { hurried } from './spoilt-timers.ts';
import { asTold, toldBackwards } from './spoilt-topics.ts';
import { spoiltWorkflow } from './spoilt-workflows.ts';

type ResumeRun = Extract<RequestBody, { kind: 'resume-run' }>;
type ToNodeSend = Extract<SchedulerSend, { kind: 'to-node' }>;

export function heardByLeader(world: World, message: NodeToLeader): NodeToLeader {
  const { mutant } = world;
  if (message.kind === 'join' && mutant === 'reserved-beyond-a-node') {
    return { ...message, resources: { ...message.resources, cpu: 64 } };
  }
  if (mutant === 'placements-not-heard-of' && message.kind === 'place-seen') {
    return { ...message, placed: [] };
  }
  if (mutant === 'placed-before-it-is-released' && message.kind === 'place-seen') {
    const { wished } = world.checks.truth;
    const actors = message.placed.filter(({ actor, epoch }) => wished.get(actor) === epoch);
    return actors.length === 0 ? message : { ...message, kind: 'released', actors };
  }
  if (mutant === 'timers-told-short' && message.kind === 'timer-news') {
    const actors = message.actors.map((of) => ({ ...of, news: hurried(of.news) }));
    return { ...message, actors };
  }
  if (mutant === 'lives-told-to-nobody' && message.kind === 'not-here') return asTold(message);
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

/** What a leader takes beside what it hears: the result of a branch counts for another one too. */
export function takenByLeader(world: World, message: NodeToLeader): readonly NodeToLeader[] {
  if (world.mutant !== 'branch-counted-twice' || message.kind !== 'task-result') return [message];
  const { tasks } = world.checks.truth;
  const { run } = tasks.get(message.task) ?? {};
  if (run === undefined || !run.block.includes('[')) return [message];
  const [block] = run.block.split('[');
  for (const other of tasks.values()) {
    const isBeside = other.run?.run === run.run && other.run.block.split('[')[0] === block;
    if (!isBeside || other.task === message.task || other.node === undefined) continue;
    if (other.ended !== undefined) continue;
    const { task, attempt, node: incarnation } = other;
    return [message, { ...message, task, attempt, incarnation }];
  }
  return [message];
}

/** Another open pause of the run, when there is one. */
function anotherPause(world: World, { run, block }: ResumeRun): string {
  const open = world.checks.truth.ledgers.get(run)?.atWork ?? [];
  const others = open.filter(
    ({ where }) => where.place.block.kind === 'pause' && nameOf(where) !== block,
  );
  const [first] = others;
  return first === undefined ? block : nameOf(first.where);
}

export function requestedOfLeader(world: World, request: Request): Request {
  world.checks.truth.owners.requested(request);
  if (world.mutant === undefined) return request;
  if (world.mutant === 'copies-taken-for-new') return asAnother(world, request);
  if (request.body.kind === 'keep-session' && world.mutant === 'sessions-not-heard') {
    return { ...request, body: { ...request.body, session: sessionId('another') } };
  }
  const body = understood(world, request.body);
  if (body.kind === 'resume-run' && world.mutant === 'answer-to-another-iteration') {
    return { ...request, body: { ...body, block: anotherPause(world, body) } };
  }
  if (body.kind !== 'deploy') return { ...request, body };
  const workflows = body.manifest.workflows.map((one) => spoiltWorkflow(world, one));
  return { ...request, body: { ...body, manifest: { ...body.manifest, workflows } } };
}

export function saidByLeader(world: World, send: SchedulerSend): SchedulerSend {
  const { mutant } = world;
  if (mutant === 'chain-forgets-a-log' && send.kind === 'to-node') {
    const { message } = send;
    if (message.kind !== 'place') return send;
    return { ...send, message: { ...message, chain: message.chain.slice(-1) } };
  }
  if (mutant === 'wishes-forgotten' && send.kind === 'to-node' && send.message.kind === 'place') {
    const { leave, ...place } = send.message;
    const takenOver = place.term.number > 0;
    return takenOver && leave !== undefined ? { ...send, message: place } : send;
  }
  if (mutant === 'lives-told-backwards' && send.kind === 'to-node') {
    return { ...send, message: toldBackwards(send.message) };
  }
  if (mutant === 'journal-trimmed-too-far' && send.kind === 'trim-journal') {
    return { ...send, before: send.before + 1_000 };
  }
  return send;
}

/** Under a number of its own, which is still that of the request to its gateway. */
function asAnother(world: World, request: Request): Request {
  const copies = (copiesOf.get(world) ?? 0) + 1;
  copiesOf.set(world, copies);
  return { ...request, number: request.number + copies / 1_000_000 };
}

const copiesOf = new WeakMap<World, number>();

/** What a leader tells an asker. */
export function repliedByLeader(world: World, reply: SchedulerReply): SchedulerReply {
  const { message } = reply;
  if (world.mutant === 'copies-taken-for-new' && message.kind === 'answered') {
    return { ...reply, message: { ...message, number: Math.floor(message.number) } };
  }
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
