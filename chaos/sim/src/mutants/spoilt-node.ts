/** Deliberate faults in what a node hears, says and keeps. */
import { decode, encode, type Letter, type Machine, type Output, type ToNode } from '@troupe/model';
import type { NodeEvent, NodeFact, NodeReply, NodeSend, NodeWork } from '@troupe/worker-node-core';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;
type StoredEvent = Omit<Extract<NodeEvent, { kind: 'checkpoint-stored' }>, 'wall'>;

export function heardByNode(world: World, process: Process, message: ToNode): ToNode {
  if (world.mutant === 'acknowledged-on-receipt' && message.kind === 'letter') {
    acknowledge(world, process, message);
  }
  return message;
}

/** What the rim is told to do; undefined when it is not done. */
export function saidByNode(
  world: World,
  send: NodeSend,
  post: (event: StoredEvent) => void,
): NodeSend | undefined {
  if (send.kind !== 'put-checkpoint') return send;
  if (world.mutant === 'checkpoint-not-stored') {
    const { actor, epoch, seq } = send;
    post({ kind: 'checkpoint-stored', actor, epoch, seq, revision: send.expected });
    return undefined;
  }
  return spoiltCheckpoint(world, send);
}

/** The machine without what it should have recorded or waited for. */
export function turnedByNode(
  world: World,
  machine: Machine<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork>,
): Machine<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork> {
  const spoil = outputSpoilers[world.mutant ?? ''];
  if (spoil === undefined) return machine;
  return {
    handle: (now, event) => spoil(machine.handle(now, event)),
    wakeAt: () => machine.wakeAt(),
  };
}

type NodeOutput = Output<NodeFact, NodeSend, NodeReply, NodeWork>;

const outputSpoilers: { readonly [mutant: string]: (output: NodeOutput) => NodeOutput } = {
  'begun-turns-not-recorded': (output) => ({
    ...output,
    append: output.append.filter(({ kind }) => kind !== 'turn-begun' && kind !== 'turn-recorded'),
  }),
  'reads-not-barred': (output) => ({
    ...output,
    append: output.append.filter(({ kind }) => kind !== 'barrier'),
  }),
  'steps-not-gated': (output) => {
    const frames = output.send.flatMap((send) => (send.kind === 'to-runner' ? [send] : []));
    const send = output.send.filter(({ kind }) => kind !== 'to-runner');
    return { ...output, send, work: [...output.work, ...frames] };
  },
};

/** A checkpoint's body as far as it is spoilt here. */
interface Body {
  memory: {
    recv: unknown[];
    sessions: unknown[];
    outbox: [to: string, next: number, letters: unknown[]][];
    begun?: unknown;
  };
}

function spoiltCheckpoint(world: World, put: PutOrder): PutOrder {
  const spoil = checkpointSpoilers[world.mutant ?? ''];
  if (spoil === undefined) return put;
  const body = decode<Body>(put.body);
  spoil(body.memory);
  return { ...put, body: encode(body) };
}

const checkpointSpoilers: { readonly [mutant: string]: (memory: Body['memory']) => void } = {
  'dedupe-not-in-the-checkpoint': (memory) => {
    memory.sessions = [];
  },
  'letters-not-in-the-checkpoint': (memory) => {
    memory.recv = [];
  },
  'outbox-not-in-the-checkpoint': (memory) => {
    memory.outbox = memory.outbox.map(([to, next]) => [to, next, []]);
  },
  'begun-turn-not-in-the-checkpoint': (memory) => {
    delete memory.begun;
  },
};

function acknowledge(world: World, process: Process, letter: Letter): void {
  const { to, from, fromBirth, number, replyTo } = letter;
  const ack = { kind: 'letter-ack', to, from, fromBirth, upTo: number } as const;
  world.network.send(process, replyTo, ack);
}
