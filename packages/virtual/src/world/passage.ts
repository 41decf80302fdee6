/**
 * What passes between the machines and their world. In most worlds it passes as it is; a simulation may
 * look at it, and put a deliberate fault into it.
 */
import type { FromRunner, Machine, NodeToLeader, Request, ToNode, ToRunner } from '@troupe/model';
import type { SchedulerFact, SchedulerReply, SchedulerSend } from '@troupe/scheduler-core';
import type {
  NodeEvent,
  NodeFact,
  NodeMachine,
  NodeReply,
  NodeSend,
  NodeWork,
} from '@troupe/worker-node-core';
import type { Process } from './process.ts';

export interface Mouth<Send, Reply> {
  /** Whether it is that of a leader. */
  readonly leads?: boolean;
  send(message: Send): void;
  reply(answer: Reply): void;
}

/** A node as it hears something. */
export interface Hearing {
  readonly process: Process;
  readonly machine: NodeMachine | undefined;
  readonly draining: boolean;
}

export type StoredEvent = Omit<Extract<NodeEvent, { kind: 'checkpoint-stored' }>, 'wall'>;
export type NodeTurns = Machine<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork>;

export interface Passage {
  /** The machine as its loop sees it. */
  machine<Event, Fact, Send, Reply, Work>(
    machine: Machine<Event, Fact, Send, Reply, Work>,
    mouth: Mouth<Send, Reply>,
  ): Machine<Event, Fact, Send, Reply, Work>;
  nodeMachine(machine: NodeTurns): NodeTurns;
  toNode(node: Hearing, message: ToNode): ToNode;
  /** Undefined when it is not done. */
  fromNode(send: NodeSend, post: (event: StoredEvent) => void): NodeSend | undefined;
  toRunner(frame: ToRunner): ToRunner;
  /** What a frame comes to without its runner, if anything. */
  insteadOfRunner(frame: ToRunner): FromRunner | undefined;
  /** A runner died that had these turns. */
  runnerDied(callIds: readonly string[]): void;
  toLeader(message: NodeToLeader): readonly NodeToLeader[];
  requested(request: Request): Request;
  fromLeader(process: Process, send: SchedulerSend): SchedulerSend;
  replied(reply: SchedulerReply): SchedulerReply;
  /** A fact of the journal as whoever follows it reads it. */
  fact(fact: SchedulerFact): SchedulerFact;
}

export const openPassage: Passage = {
  machine: (machine) => machine,
  nodeMachine: (machine) => machine,
  toNode: (_node, message) => message,
  fromNode: (send) => send,
  toRunner: (frame) => frame,
  insteadOfRunner: () => undefined,
  runnerDied: () => undefined,
  toLeader: (message) => [message],
  requested: (request) => request,
  fromLeader: (_process, send) => send,
  replied: (reply) => reply,
  fact: (fact) => fact,
};
