/** Deliberate faults in what a topic is told, and in what is kept of it. */
import {
  type ActorId,
  type Call,
  type CallResult,
  decode,
  decodeValue,
  encode,
  encodeValue,
  type NotHere,
  type ToNode,
  toldMethod,
} from '@troupe/model';
import { isTopic } from '../node/program.ts';

/** The subscription of one whose name is longer. */
export function subscribedForAnother(call: Call): Call {
  if (!isTopic(call.actor) || call.method !== 'subscribe') return call;
  const [type, key, method] = decodeValue(call.args) as readonly string[];
  return { ...call, args: encodeValue([type, `${key}0`, method]) };
}

/** The topic that a leader has called is not there: it has taken nothing. */
export function asTold({ actor, session, number }: NotHere): CallResult {
  const outcome = { ok: true, value: encodeValue(undefined) } as const;
  return { kind: 'call-result', actor, session, number, outcome };
}

export function toldBackwards(message: ToNode): ToNode {
  if (message.kind !== 'call' || message.method !== toldMethod) return message;
  const [events] = decodeValue(message.args) as readonly [readonly unknown[]];
  return { ...message, args: encodeValue([[...events].reverse()]) };
}

/** The body of a checkpoint as far as it is spoilt here. */
interface Body {
  readonly actor: ActorId;
  readonly state?: Uint8Array;
  readonly deltas?: readonly Uint8Array[];
}

export function withoutSubscribers(bytes: Uint8Array): Uint8Array {
  const body = decode<Body>(bytes);
  if (!isTopic(body.actor) || body.state === undefined) return bytes;
  const state = { ...decode<object>(body.state), subscribers: [] };
  return encode({ ...body, state: encode(state) });
}

/** Neither its state nor what is written on top of one says which events it has taken. */
export function withoutTold(bytes: Uint8Array): Uint8Array {
  const body = decode<Body>(bytes);
  if (!isTopic(body.actor)) return bytes;
  const { state, deltas } = body;
  if (state !== undefined) {
    const { told: _, ...left } = decode<{ readonly told?: number }>(state);
    return encode({ ...body, state: encode(left) });
  }
  const spoilt = deltas?.map((delta) => {
    const changes = decode<readonly { readonly kind: string }[]>(delta);
    return encode(changes.filter(({ kind }) => kind !== 'told'));
  });
  return encode({ ...body, deltas: spoilt });
}
