/** Deliberate faults in what a node hears, says and keeps. */
import {
  type ActorWish,
  decode,
  decodeValue,
  encode,
  encodeValue,
  incarnation,
  keySessionPrefix,
  type Letter,
  type Machine,
  type Output,
  type Place,
  type Settled,
  type ToNode,
} from '@troupe/model';
import type { Process } from '@troupe/virtual';
import type { NodeEvent, NodeFact, NodeReply, NodeSend, NodeWork } from '@troupe/worker-node-core';
import type { World } from '../world/world.ts';
import { answeredByClock, withOldNumbers } from './spoilt-rewind.ts';
import { recordedTwice } from './spoilt-timers.ts';
import { subscribedForAnother, withoutSubscribers, withoutTold } from './spoilt-topics.ts';

type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;
type StoredEvent = Omit<Extract<NodeEvent, { kind: 'checkpoint-stored' }>, 'wall'>;

export function heardByNode(world: World, process: Process, message: ToNode): ToNode {
  if (world.mutant === 'acknowledged-on-receipt' && message.kind === 'letter') {
    acknowledge(world, process, message);
  }
  if (world.mutant === 'subscribed-for-another' && message.kind === 'call') {
    return subscribedForAnother(message);
  }
  if (world.mutant === 'prints-ignored' && message.kind === 'call') {
    const { actor, caller } = message;
    const { turns } = world.checks.truth.keyed.key(actor, caller.session);
    if (turns.length === 0) return message;
    const { print: _, ...bare } = caller;
    return { ...message, caller: bare };
  }
  if (world.mutant === 'clocks-forget-the-living' && message.kind === 'ended-found') {
    const all = [...world.checks.truth.actors].map(([actor, { memory }]) => [actor, memory.seq]);
    return { ...message, ended: Object.fromEntries(all) };
  }
  if (message.kind === 'place') return spoiltPlace(world, process, message);
  if (world.mutant === 'letters-by-arrival' && message.kind === 'letter') {
    const { memory } = world.checks.truth.actors.get(message.to) ?? {};
    const taken = memory?.recv.get(`${message.from}#${message.fromBirth}`) ?? 0;
    if (message.number > taken + 1) return { ...message, number: taken + 1 };
  }
  if (message.kind === 'letter') return spoiltLetter(world, message);
  if (world.mutant === 'rest-not-handed-over' && message.kind === 'handed-over') {
    const { rest, ...bare } = message;
    return rest === undefined ? message : { ...bare, revision: rest.on };
  }
  return message;
}

/** A letter with other tries than its sender asked for, or with less of its past. */
function spoiltLetter({ mutant }: World, letter: Letter): Letter {
  if (mutant === 'clocks-cut-short') {
    const { [letter.from]: own } = letter.clock;
    return { ...letter, clock: own === undefined ? {} : { [letter.from]: own } };
  }
  const { tries } = letter;
  if (tries === undefined) return letter;
  const { retries } = tries;
  if (mutant === 'tries-without-waiting') return { ...letter, tries: { ...tries, backoffMs: [0] } };
  if (mutant !== 'tried-once-more') return letter;
  return { ...letter, tries: { ...tries, retries: retries + 1 } };
}

const ignoredWishes: { readonly [mutant: string]: ActorWish['kind'] } = {
  'destroyed-goes-on': 'ending',
  'paused-goes-on': 'paused',
};

/** A placement without what is wished of the actor, or known of the one before it. */
function spoiltPlace(world: World, process: Process, place: Place): Place {
  if (world.mutant === 'placed-without-a-configuration') {
    const { config: _, ...unconfigured } = place;
    return unconfigured;
  }
  const { heir, wish, ...bare } = place;
  if (world.mutant === 'tombstone-not-read') return wish === undefined ? bare : { ...bare, wish };
  const ignored = ignoredWishes[world.mutant ?? ''];
  if (wish === undefined || wish.kind !== ignored) return place;
  const { actor, epoch } = place;
  const said: Settled = {
    kind: 'settled',
    incarnation: incarnation(process.name),
    actors: [{ actor, epoch, wish }],
  };
  world.network.send(process, 'leader', said);
  return heir === undefined ? bare : { ...bare, heir };
}

/** What the rim is told to do; undefined when it is not done. */
export function saidByNode(
  world: World,
  send: NodeSend,
  post: (event: StoredEvent) => void,
): NodeSend | undefined {
  if (world.mutant === 'upgrades-forgotten') return withoutUpgrades(send);
  if (send.kind !== 'put-checkpoint') return send;
  const lost = world.mutant === 'rest-not-stored' && send.onTop === true;
  if (lost || world.mutant === 'checkpoint-not-stored') {
    const { actor, epoch, seq } = send;
    post({ kind: 'checkpoint-stored', actor, epoch, seq, revision: send.expected });
    return undefined;
  }
  if (world.mutant === 'rewound-numbers-used-again') return withOldNumbers(send);
  return spoiltCheckpoint(world, send);
}

function withoutUpgrades(send: NodeSend): NodeSend | undefined {
  if (send.kind === 'to-leader' && send.message.kind === 'upgraded') return undefined;
  if (send.kind !== 'put-checkpoint') return send;
  const body = decode<{ readonly memory: { readonly madeBy?: unknown } }>(send.body);
  const { madeBy: _, ...memory } = body.memory;
  return { ...send, body: encode({ ...body, memory }) };
}

/** The machine without what it should have recorded or waited for. */
export function turnedByNode(
  world: World,
  machine: Machine<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork>,
): Machine<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork> {
  const spoil = outputSpoilers[world.mutant ?? '']?.(world);
  if (spoil === undefined) return machine;
  return {
    handle: (now, event) => spoil(machine.handle(now, event), event),
    wakeAt: () => machine.wakeAt(),
  };
}

type NodeOutput = Output<NodeFact, NodeSend, NodeReply, NodeWork>;
type SpoilOutput = (output: NodeOutput, event: NodeEvent) => NodeOutput;

/** Made anew for each node. */
const outputSpoilers: { readonly [mutant: string]: (world: World) => SpoilOutput } = {
  'begun-turns-not-recorded': () => (output) => ({
    ...output,
    append: output.append.filter(({ kind }) => kind !== 'turn-begun' && kind !== 'turn-recorded'),
  }),
  'yields-not-recorded': () => (output) => ({
    ...output,
    append: output.append.filter(({ kind }) => kind !== 'turn-yielded'),
  }),
  'reads-not-barred': () => (output) => ({
    ...output,
    append: output.append.filter(({ kind }) => kind !== 'barrier'),
  }),
  'steps-not-gated': () => (output) => {
    const frames = output.send.flatMap((send) => (send.kind === 'to-runner' ? [send] : []));
    const send = output.send.filter(({ kind }) => kind !== 'to-runner');
    return { ...output, send, work: [...output.work, ...frames] };
  },
  'clock-forgets-the-sender': () => (output) => ({
    ...output,
    append: output.append.map((fact) =>
      fact.kind === 'turn' ? { ...fact, clock: { [fact.actor]: fact.seq } } : fact,
    ),
  }),
  'upgrades-not-recorded': () => (output) => ({
    ...output,
    append: output.append.map((fact) => {
      if (fact.kind !== 'turn' || fact.upgrade === undefined) return fact;
      const { upgrade: _, ...bare } = fact;
      return bare;
    }),
  }),
  'begun-without-its-configuration': () => (output) => ({
    ...output,
    append: output.append.map((fact) => {
      if (fact.kind !== 'turn-begun') return fact;
      const { config: _, ...bare } = fact;
      return bare;
    }),
  }),
  'losers-not-recorded': () => (output) => ({
    ...output,
    append: output.append.map((fact) =>
      fact.kind === 'turn-recorded' && fact.recorded.kind === 'race'
        ? { ...fact, recorded: { ...fact.recorded, lost: [] } }
        : fact,
    ),
  }),
  'line-of-one-look': () => (output, event) => {
    if (event.kind !== 'message' || event.message.kind !== 'ask-turns') return output;
    const { line } = event.message;
    if (line === undefined) return output;
    const send = output.send.map((one) => {
      if (one.kind !== 'to-leader' || one.message.kind !== 'turns-found') return one;
      const found = one.message.found.map((each) => {
        return { ...each, turn: line[each.actor] ?? each.turn };
      });
      return { ...one, message: { ...one.message, found } };
    });
    return { ...output, send };
  },
  'line-by-the-wall-clock': answeredByClock,
  'calls-without-their-turn': () => (output) => ({
    ...output,
    send: output.send.map((one) => {
      if (one.kind !== 'to-node' || one.message.kind !== 'call') return one;
      const { clock = {}, path } = one.message;
      const caller = path.at(-1);
      if (caller === undefined) return one;
      const { [caller]: turn = 1, ...others } = clock;
      const known = turn > 1 ? { ...others, [caller]: turn - 1 } : others;
      return { ...one, message: { ...one.message, clock: known } };
    }),
  }),
  'failed-letters-are-only-taken': () => (output) => ({
    ...output,
    append: output.append.map((fact) => {
      if (fact.kind !== 'turn') return fact;
      const { letterEnd: _, ...bare } = fact;
      return bare;
    }),
  }),
  'dead-letters-not-shown': () => (output) => ({ ...output, reply: output.reply.map(shownNone) }),
  'still-dead-after-delivery': () => (output) => ({
    ...output,
    append: output.append.map((fact) => {
      if (fact.kind !== 'turn') return fact;
      const { redelivers: _, ...bare } = fact;
      return bare;
    }),
  }),
  'letters-sent-once': sentOnce,
  'firing-recorded-twice': () => (output) => ({ ...output, append: recordedTwice(output.append) }),
  'timer-news-told-once': toldOnce,
  'letters-lost-in-a-drain': lostInDrain,
};

function shownNone(reply: NodeReply): NodeReply {
  const { message } = reply;
  if (message.kind !== 'call-result' || !message.outcome.ok) return reply;
  const value = decodeValue(message.outcome.value);
  if (value === null || typeof value !== 'object' || !('letters' in value)) return reply;
  const outcome = { ok: true, value: encodeValue({ letters: [], total: 0 }) } as const;
  return { ...reply, message: { ...message, outcome } };
}

function sentOnce(): SpoilOutput {
  const sent = new Set<string>();
  return (output) => ({
    ...output,
    send: output.send.filter((one) => {
      if (one.kind !== 'to-node' || one.message.kind !== 'letter') return true;
      const { from, to, number } = one.message;
      const once = `${from} ${to} ${number}`;
      if (sent.has(once)) return false;
      sent.add(once);
      return true;
    }),
  });
}

function toldOnce(): SpoilOutput {
  const told = new Set<string>();
  return (output) => ({
    ...output,
    send: output.send.filter((one) => {
      if (one.kind !== 'to-leader' || one.message.kind !== 'timer-news') return true;
      const once = one.message.actors.map(({ actor, from }) => `${actor} ${from}`).join(' ');
      if (told.has(once)) return false;
      told.add(once);
      return true;
    }),
  });
}

function lostInDrain(): SpoilOutput {
  let leaving = false;
  return (output, event) => {
    leaving ||= event.kind === 'leave';
    leaving ||= event.kind === 'message' && event.message.kind === 'drain';
    if (!leaving) return output;
    const send = output.send.map((one) =>
      one.kind === 'put-checkpoint' ? spoiltBody(one, withoutLetters) : one,
    );
    return { ...output, send };
  };
}

/** A checkpoint's body as far as it is spoilt here. */
interface Body {
  memory: {
    recv: unknown[];
    sessions: (readonly [
      session: string,
      low: number,
      age: number,
      replies: unknown,
      print?: string,
    ])[];
    outbox: [to: string, next: number, letters: unknown[]][];
    begun?: unknown;
    signals?: unknown;
    timers?: unknown;
    letters?: unknown;
    yields?: unknown;
    letterKeys?: unknown;
  };
}

function spoiltCheckpoint(world: World, put: PutOrder): PutOrder {
  if (world.mutant === 'subscribers-not-in-the-checkpoint') {
    return { ...put, body: withoutSubscribers(put.body) };
  }
  if (world.mutant === 'told-not-in-the-checkpoint') {
    return { ...put, body: withoutTold(put.body) };
  }
  const spoil = checkpointSpoilers[world.mutant ?? ''];
  return spoil === undefined ? put : spoiltBody(put, spoil);
}

function spoiltBody(put: PutOrder, spoil: (memory: Body['memory']) => void): PutOrder {
  const body = decode<Body>(put.body);
  spoil(body.memory);
  return { ...put, body: encode(body) };
}

function withoutLetters(memory: Body['memory']): void {
  memory.outbox = memory.outbox.map(([to, next]) => [to, next, []]);
}

const checkpointSpoilers: { readonly [mutant: string]: (memory: Body['memory']) => void } = {
  'dedupe-not-in-the-checkpoint': (memory) => {
    memory.sessions = [];
  },
  'keys-not-in-the-checkpoint': (memory) => {
    memory.sessions = memory.sessions.filter(([session]) => !session.startsWith(keySessionPrefix));
  },
  'prints-not-in-the-checkpoint': (memory) => {
    memory.sessions = memory.sessions.map(([session, low, age, replies]) => {
      return [session, low, age, replies];
    });
  },
  'letters-not-in-the-checkpoint': (memory) => {
    memory.recv = [];
  },
  'outbox-not-in-the-checkpoint': withoutLetters,
  'begun-turn-not-in-the-checkpoint': (memory) => {
    delete memory.begun;
  },
  'signals-not-in-the-checkpoint': (memory) => {
    delete memory.signals;
  },
  'letter-keys-not-in-the-checkpoint': (memory) => {
    delete memory.letterKeys;
  },
  'dead-letters-not-in-the-checkpoint': (memory) => {
    delete memory.letters;
  },
  'yields-not-in-the-checkpoint': (memory) => {
    delete memory.yields;
  },
  'timers-not-in-the-checkpoint': (memory) => {
    delete memory.timers;
  },
};

function acknowledge(world: World, process: Process, letter: Letter): void {
  const { to, from, fromBirth, number, replyTo } = letter;
  const ack = { kind: 'letter-ack', to, from, fromBirth, upTo: number } as const;
  world.network.send(process, replyTo, ack);
}
